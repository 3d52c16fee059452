// Who else gets an answer: a line under the channel, filled with everybody whom a reply to all reaches.

import { one } from "../shared/dom.ts";
import { t } from "../shared/words.ts";

export interface Copies { cc: string; bcc: string }

/** What was typed there, by conversation; those not touched follow the mail that is answered. */
const typed = new Map<number, Copies>();

const field = (here: HTMLFormElement, name: "cc" | "bcc"): HTMLInputElement | null => one<HTMLInputElement>(`.copies [name=${name}]`, here);
const chosen = (here: HTMLFormElement): HTMLInputElement | null => one<HTMLInputElement>("[name=via]:checked", here);
/** Whether the chosen channel carries copies. */
export const carried = (here: HTMLFormElement): boolean => chosen(here)?.dataset.copies !== undefined;

export function restore(id: number, here: HTMLFormElement): void {
  const known = typed.get(id);
  if (known) fill(here, known);
  else show(here);
}

/** Keep what is typed, so that it is there again after another conversation was looked at. */
export function keep(id: number, here: HTMLFormElement): void {
  typed.set(id, read(here));
}

/** Those who openly got this answer get the next one too; nobody gets an unseen copy of a mail by oversight. */
export function sent(id: number, here: HTMLFormElement): void {
  typed.delete(id);
  fill(here, { cc: read(here).cc, bcc: "" });
}

export function read(here: HTMLFormElement): Copies {
  return { cc: field(here, "cc")?.value ?? "", bcc: field(here, "bcc")?.value ?? "" };
}

export function fill(here: HTMLFormElement, copies: Copies): void {
  for (const name of ["cc", "bcc"] as const) {
    const input = field(here, name);
    if (input) input.value = copies[name];
  }
  show(here);
}

/** Another channel was chosen: what stood there by itself is what would stand there by itself now. */
export function follow(here: HTMLFormElement, id: number): void {
  if (!typed.has(id)) fill(here, { cc: chosen(here)?.dataset.copies ?? "", bcc: "" });
  else show(here);
}

function show(here: HTMLFormElement): void {
  const row = one(".copies", here);
  const more = one(".copies-more", here);
  if (!row || !more) return;
  const { cc, bcc } = read(here);
  const open = Boolean(cc || bcc);
  row.hidden = !carried(here);
  row.classList.toggle("is-empty", !open);
  more.hidden = !carried(here) || open;
  more.setAttribute("aria-expanded", String(open));
}

/** Open the line and put the caret there. */
export function add(here: HTMLFormElement): void {
  one(".copies", here)?.classList.remove("is-empty");
  const more = one(".copies-more", here);
  if (more) more.hidden = true;
  field(here, "cc")?.focus();
}

/** The customer alone gets the answer. */
export function onlyThem(here: HTMLFormElement, id: number): void {
  fill(here, { cc: "", bcc: "" });
  keep(id, here);
}

/** The first of what is typed there that cannot be an address; the server has the last word. */
export function wrong(here: HTMLFormElement): string {
  if (!carried(here)) return "";
  const { cc, bcc } = read(here);
  const parts = `${cc},${bcc}`.split(/[,;]/).map((part) => part.trim()).filter(Boolean);
  return parts.find((part) => !/[^\s@<>]+@[^\s@<>]+/.test(part)) ?? "";
}

/** What stands there as a line of text, for the answer on the screen; empty where nobody else gets it. */
export function told(here: HTMLFormElement): string[] {
  if (!carried(here)) return [];
  const { cc, bcc } = read(here);
  return [cc.trim() && t("Copy to {who}", { who: cc.trim() }), bcc.trim() && t("Unseen copy to {who}", { who: bcc.trim() })].filter(Boolean);
}
