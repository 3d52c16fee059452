// Short messages at the foot, with ten seconds to take an act back.

import { h, one } from "../shared/dom.ts";
import { t } from "../shared/words.ts";

const UNDO_MS = 10_000;
interface Undoable { run: () => void; toast: HTMLElement }
let undoable: Undoable[] = [];

export function say(text: string, bad = false): HTMLElement {
  return show(h(bad ? "div.toast.is-bad" : "div.toast", {}, text), bad ? 8000 : 3500);
}

/** Say what was done; `u` or the button takes it back for ten seconds. */
export function done(text: string, undo: () => void): void {
  const button = h("button", { type: "button" }, t("Undo"), h("kbd", {}, "U"));
  const toast = show(h("div.toast", {}, text, button), UNDO_MS, () => (undoable = undoable.filter((one) => one.toast !== toast)));
  const entry = { run: undo, toast };
  undoable.push(entry);
  button.addEventListener("click", () => takeBack(entry));
}

export const canUndo = (): boolean => undoable.length > 0;

export function undoLast(): void {
  const last = undoable.at(-1);
  if (last) takeBack(last);
}

function takeBack(entry: Undoable): void {
  undoable = undoable.filter((other) => other !== entry);
  entry.toast.remove();
  entry.run();
}

function show(toast: HTMLElement, ms: number, gone: () => void = () => undefined): HTMLElement {
  const place = one(".toasts");
  place?.append(toast);
  while (place && place.children.length > 3) place.firstElementChild?.remove();
  setTimeout(() => {
    toast.remove();
    gone();
  }, ms);
  return toast;
}
