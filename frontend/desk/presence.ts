// Who else is here, and who is writing.

import { face, h, one } from "../shared/dom.ts";
import { act, type FaceData } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import * as pane from "./pane.ts";

interface Viewer { face: FaceData; doing: string }
export interface PresenceChange { conversation: number; viewers: Viewer[]; customer_typing: boolean; kind: "presence" }

const EVERY = 4000;
let last = { id: 0, doing: "", at: 0 };

export function listen(): void {
  pane.onOpen((id) => tell(id, "viewing"));
  pane.onLeave((id) => tell(id, "away"));
  setInterval(() => pane.openId() && !document.hidden && tell(pane.openId(), "viewing"), 20_000);
}

/** Said at most every four seconds while keys are pressed. */
export function writing(id: number, doing: "writing" | "noting"): void {
  if (last.id === id && last.doing === doing && Date.now() - last.at < EVERY) return;
  tell(id, doing);
}

function tell(id: number, doing: string): void {
  last = { id, doing, at: Date.now() };
  setTimeout(() => {
    if (doing !== "viewing" || pane.openId() === id) void act("POST", `/desk/conversations/${id}/presence`, { doing }).catch(() => undefined);
  }, doing === "viewing" ? 300 : 0);
}

export function take(change: PresenceChange): void {
  if (change.conversation !== pane.openId()) return;
  const me = Number(document.body.dataset.me);
  const others = change.viewers.filter((viewer) => viewer.face.id !== me);
  one(".viewers", pane.main())?.replaceChildren(...others.map(line));
  const dots = one(".customer-typing", pane.main());
  const box = pane.stream();
  if (!dots || !box) return;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  dots.hidden = !change.customer_typing;
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function line(viewer: Viewer): HTMLElement {
  const first = viewer.face.name.split(" ")[0] ?? "";
  const words = viewer.doing === "writing" ? t("{name} is writing", { name: first }) : viewer.doing === "noting" ? t("{name} writes a note", { name: first }) : "";
  return h(`span.viewer.is-${viewer.doing}`, { title: t("{name} is here too", { name: viewer.face.name }) }, face(viewer.face, 24), words && h("span", {}, words), !words && h("span.sr", {}, t("{name} is here too", { name: viewer.face.name })));
}
