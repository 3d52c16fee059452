// The wall board: its tiles are asked for anew when something happens, at most every two seconds, and twice a minute.

import { one } from "../shared/dom.ts";

let waits = false;

export function news(): void {
  if (waits || !one("#board")) return;
  waits = true;
  setTimeout(() => void refresh(), 2000);
}

async function refresh(): Promise<void> {
  try {
    const answer = await fetch("/desk/wall", { headers: { "x-fragment": "wall" } });
    if (answer.ok) one("#board")!.outerHTML = await answer.text();
  } catch {
    // the line is down; what is shown stays, and the next look is soon
  } finally {
    waits = false;
  }
}

if (one("#board")) setInterval(news, 30_000);
