// Help with the open conversation's answer: fetched beside it, inserted with one key, and what became of it told.

import { all, h, icon, one } from "../shared/dom.ts";
import { act, fragment } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import * as composer from "./composer.ts";
import * as pane from "./pane.ts";
import { say } from "./toasts.ts";

/** Whoever runs through the list with j and k asks for no help. */
const PAUSE = 350;
let timer = 0;
let put = "";

const place = (): HTMLElement | null => one<HTMLElement>("#assist");
const draft = (): HTMLElement | null => one<HTMLElement>("#assist .assist-draft");
const words = (): string => one<HTMLElement>("#assist .assist-words")?.textContent ?? "";

export function listen(): void {
  pane.onOpen(load);
  pane.onNews(outdated);
  pane.onLeave(() => clearTimeout(timer));
  document.addEventListener("click", clicked);
}

function load(id: number): void {
  put = "";
  clearTimeout(timer);
  timer = window.setTimeout(() => void fetched(id), PAUSE);
}

async function fetched(id: number): Promise<void> {
  try {
    const html = await fragment(`/desk/conversations/${id}/assistance`, "assistance");
    const here = place();
    if (pane.openId() === id && here) here.innerHTML = html;
  } catch {
    // Help that does not come is no trouble; the answer is written as ever.
  }
}

export const offered = (): boolean => Boolean(draft()) && composer.canWrite();

/** Put the draft where one writes. */
export function insert(): void {
  put = words();
  composer.addWords(put);
}

/** Told with an answer: the draft that stood beside it, and whether it was put in. */
export function told(body: FormData): void {
  const here = draft();
  if (!here || body.get("mode") === "note") return;
  body.set("draft", words());
  body.set("draft_source", here.dataset.source ?? "");
  body.set("draft_ref", here.dataset.ref ?? "");
  if (put) body.set("draft_inserted", "1");
  place()?.replaceChildren();
}

// ── the conversation in some sentences ──

const summed = (): HTMLElement | null => one<HTMLElement>(".talk-summary", pane.main());
export const canSumUp = (): boolean => pane.main().hasAttribute("data-sums-up");

/** Ask for a summary, or put it away. */
export function summary(): void {
  const place = summed();
  if (!place) return;
  if (place.hidden) return void sumUp(place);
  place.hidden = true;
  place.replaceChildren();
}

/** Something new was said: a summary that stands there is no longer the whole of it. */
export function outdated(): void {
  const place = summed();
  if (place && !place.hidden && !place.hasAttribute("aria-busy")) void sumUp(place);
}

async function sumUp(place: HTMLElement): Promise<void> {
  const id = pane.openId();
  place.setAttribute("aria-busy", "true");
  try {
    const found = (await act("POST", `/desk/conversations/${id}/summary`)) as unknown as { text: string };
    place.replaceChildren(
      h("p", { dir: "auto" }, found.text),
      h("p.quiet", {}, icon("sparkles", 12), h("span", {}, t("By a language model, in the conversation's own words"))),
    );
    place.hidden = false;
  } catch (trouble) {
    place.hidden = true;
    place.replaceChildren();
    if (pane.openId() === id) say((trouble as Error).message, true);
  } finally {
    place.removeAttribute("aria-busy");
  }
}

function clicked(event: MouseEvent): void {
  const button = (event.target as Element).closest<HTMLElement>("[data-assist]");
  if (!button) return;
  if (button.dataset.assist === "macro") return composer.addWords(button.dataset.text ?? "");
  const here = draft();
  if (!here) return;
  const fields = { draft: words(), source: here.dataset.source ?? "", ref: here.dataset.ref ?? "" };
  here.remove();
  void act("POST", `/desk/conversations/${pane.openId()}/assistance/rejection`, fields).catch((trouble: Error) => say(trouble.message, true));
  say(t("Noted; it is not suggested again here"));
  if (!all("#assist h2").length) place()?.replaceChildren();
}
