// The live stream: what happens at the desk, in the log's order, onto the page.

import { h, icon, one } from "../shared/dom.ts";
import type { Change } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import { take } from "./acts.ts";
import * as calls from "./calls.ts";
import * as presence from "./presence.ts";
import { news as onTheWall } from "./wall.ts";

let seen = 0;
let source: EventSource | null = null;
let complaint = 0;

export function listen(): void {
  if (document.body.dataset.live !== "on") return;
  seen = Number(document.body.dataset.seq ?? 0);
  connect();
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
}

function connect(): void {
  source?.close();
  source = new EventSource(`/desk/live?after=${seen}`);
  source.onmessage = (event) => arrived(event.data as string);
  source.onopen = () => {
    clearTimeout(complaint);
    one(".offline")?.remove();
  };
  source.onerror = () => {
    clearTimeout(complaint);
    complaint = window.setTimeout(complain, 4000);
    if (source?.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
}

function arrived(data: string): void {
  if (!data) return;
  onTheWall();
  const change = JSON.parse(data) as Change | presence.PresenceChange | calls.CallChange | calls.SignalChange;
  if (change.kind === "reset") return location.reload(); // too much was missed to catch up with; drafts are kept
  if (change.kind === "presence") return presence.take(change as presence.PresenceChange);
  if (change.kind === "call") return calls.take(change as calls.CallChange);
  if (change.kind === "signal") return calls.heard(change as calls.SignalChange);
  const news = change as Change;
  seen = Math.max(seen, news.seq);
  take(news);
}

function complain(): void {
  if (one(".offline")) return;
  document.body.append(h("div.offline", { role: "status" }, icon("refresh-cw", 14), t("Reconnecting. What you write is kept.")));
}
