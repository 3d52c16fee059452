// How an answer sounds: asked of the server while one writes, shown under the words, mended with one key.
// What only warns is sent when one sends again; what the brand refuses is not.

import { h, icon, one } from "../shared/dom.ts";
import { act } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import * as pane from "./pane.ts";

interface Slip { sentence: string; start: number; end: number; before: string; words: string; after: string; mend: string | null; refuses: boolean }
interface Sounding { slips: Slip[]; mended: string }

const PAUSE = 600;
let timer = 0;
/** The text that was looked at last, for which address, with what was found. */
let looked: { id: number; text: string; via: string; found: Sounding } | null = null;
/** The text whose slips were on the screen when one sent it. */
let warned = "";

export function listen(): void {
  document.addEventListener("input", typed);
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", clicked);
  document.addEventListener("change", typed);
  pane.onLeave(() => {
    clearTimeout(timer);
    looked = null;
    warned = "";
  });
}

const form = (): HTMLFormElement | null => one<HTMLFormElement>("form.composer[data-sounds]", pane.main());
const box = (here: HTMLFormElement): HTMLTextAreaElement => one<HTMLTextAreaElement>("textarea", here) as HTMLTextAreaElement;
const via = (here: HTMLFormElement): string => String(new FormData(here).get("via") ?? "");
const replies = (here: HTMLFormElement): boolean => new FormData(here).get("mode") !== "note";

function typed(event: Event): void {
  const here = form();
  if (!here?.contains(event.target as Node)) return;
  clearTimeout(timer);
  if (!replies(here) || !box(here).value.trim()) return draw(here, null);
  timer = window.setTimeout(() => void look(here), PAUSE);
}

async function look(here: HTMLFormElement): Promise<Sounding | null> {
  const asked = { id: pane.openId(), text: box(here).value, via: via(here) };
  try {
    const found = (await act("POST", `/desk/conversations/${asked.id}/tone`, { text: asked.text, via: asked.via })) as unknown as Sounding;
    if (pane.openId() !== asked.id) return null;
    looked = { ...asked, found };
    if (form() === here && box(here).value === asked.text) draw(here, found);
    return found;
  } catch {
    return null; // an answer is not held up by a check that fails; the server looks again
  }
}

/** Whether an answer may go now. Where it was not looked at, it is, and `then` sends it if nothing is found. */
export function passes(here: HTMLFormElement, area: HTMLTextAreaElement, then: () => void): boolean {
  const text = area.value;
  if (!here.hasAttribute("data-sounds") || !text.trim()) return true;
  const known = looked && looked.id === pane.openId() && looked.text === text && looked.via === via(here) ? looked.found : null;
  if (!known) {
    clearTimeout(timer);
    void look(here).then((found) => {
      if (area.value !== text) return;
      if (!found) warned = text, looked = { id: pane.openId(), text, via: via(here), found: { slips: [], mended: text } };
      then();
    });
    return false;
  }
  if (!known.slips.length || (warned === text && !known.slips.some((slip) => slip.refuses))) {
    draw(here, null);
    looked = null;
    return true;
  }
  warned = text;
  draw(here, known);
  area.focus();
  return false;
}

function draw(here: HTMLFormElement, found: Sounding | null): void {
  const place = one(".tone-told", here);
  if (!place) return;
  place.hidden = !found?.slips.length;
  if (!found?.slips.length) return place.replaceChildren();
  const refuses = found.slips.some((slip) => slip.refuses);
  const mends = found.mended !== box(here).value;
  place.replaceChildren(
    h("ul", {}, ...found.slips.slice(0, 6).map(line)),
    h("p.tone-foot", {},
      ...(mends ? [h("button.button", { type: "button", "data-tone": "mend" }, icon("check", 14), h("span", {}, t("Mend")), h("kbd", {}, "Ctrl ."))] : []),
      h("span.quiet", {}, refuses ? t("This is not sent as it stands.") : warned === box(here).value ? t("Send again to send it all the same.") : ""),
    ),
  );
}

function line(slip: Slip, index: number): HTMLElement {
  const marked = slip.words ? [h("span.tone-place", {}, slip.before, h("mark", {}, slip.words), slip.after)] : [];
  return h("li", {}, h("button", { type: "button", "data-tone": String(index), class: slip.refuses ? "is-refused" : "" }, icon(slip.refuses ? "circle-alert" : "triangle-alert", 14), h("span", {}, slip.sentence), ...marked));
}

function mend(here: HTMLFormElement): void {
  const area = box(here);
  if (!looked || looked.text !== area.value || looked.found.mended === area.value) return;
  area.focus();
  // By the browser's own editing, so that its undo takes it back.
  area.select();
  if (!document.execCommand("insertText", false, looked.found.mended)) area.setRangeText(looked.found.mended, 0, area.value.length, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  clearTimeout(timer);
  void look(here);
}

function pressed(event: KeyboardEvent): void {
  const here = form();
  if (!here || event.target !== box(here) || event.key !== "." || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  mend(here);
}

function clicked(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLElement>("[data-tone]");
  const here = form();
  if (!button || !here) return;
  if (button.dataset.tone === "mend") return mend(here);
  const slip = looked?.found.slips[Number(button.dataset.tone)];
  if (!slip) return;
  box(here).focus();
  box(here).setSelectionRange(slip.start, slip.end);
}
