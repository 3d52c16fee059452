// A replay's page while it runs: asked for anew until it is over.

import { one } from "../shared/dom.ts";

const PAUSE = 1500;

async function look(): Promise<void> {
  try {
    const answer = await fetch(location.href, { headers: { "x-fragment": "replay" } });
    if (answer.ok && one("#replay")) one("#replay")!.outerHTML = await answer.text();
  } catch {
    // the line is down; what is shown stays
  }
  again();
}

function again(): void {
  if (one("#replay[data-running]")) setTimeout(() => void look(), PAUSE);
}

again();
