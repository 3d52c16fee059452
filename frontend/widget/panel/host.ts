// The page around us. Only a page that the desk allows is listened to, and only it is answered.

import type { ToHost, ToPanel } from "../bridge.ts";

export class Host {
  private origin = "";

  constructor(allowed: string[], hear: (message: ToPanel) => void) {
    const known = new Set([...allowed, location.origin]);
    addEventListener("message", (event: MessageEvent) => {
      if (event.source !== parent || parent === window || !known.has(event.origin)) return;
      const message = (event.data as { parley?: ToPanel } | null)?.parley;
      if (!message) return;
      this.origin = event.origin;
      hear(message);
    });
  }

  tell(message: ToHost) {
    if (this.origin) parent.postMessage({ parley: message }, this.origin);
  }
}
