// Translation both ways, where the desk has a language model: what they said below their words, a draft in its place.

import { all, h, icon, one } from "../shared/dom.ts";
import { act } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import * as composer from "./composer.ts";
import * as pane from "./pane.ts";
import { done, say } from "./toasts.ts";

interface Shown { text: string; language: string; told: string }

/** With one key so many of their last messages: each may cost a request. */
const MOST = 5;

export const canTranslate = (): boolean => pane.main().hasAttribute("data-translates");
export const canTurn = (): boolean => canTranslate() && composer.replying();

export function listen(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-translate]");
    if (button) void single(button);
  });
}

/** All of the last ones, or none of them any more. */
export async function conversation(): Promise<void> {
  const open = all<HTMLElement>(".translation", pane.main());
  if (open.length) return open.forEach(close);
  const buttons = all<HTMLButtonElement>("[data-translate]", pane.main()).slice(-MOST).reverse();
  if (!buttons.length) return void say(t("They have said nothing yet"));
  const id = pane.openId();
  for (const button of buttons) {
    if (pane.openId() !== id || !(await single(button, buttons.length > 1))) return;
  }
}

/** One message; whether to go on with others. among: one of several, and nothing is said where it needs none. */
async function single(button: HTMLButtonElement, among = false): Promise<boolean> {
  const bubble = button.closest<HTMLElement>(".bubble");
  const shown = bubble && one<HTMLElement>(".translation", bubble);
  if (!bubble || button.disabled) return true;
  if (shown) return close(shown), true;
  const label = one("span", button);
  button.disabled = true;
  if (label) label.textContent = t("Translating");
  try {
    const url = `/desk/conversations/${pane.openId()}/messages/${button.dataset.translate}/translation`;
    const found = (await act("POST", url, { language: navigator.language })) as unknown as Shown;
    if (!found.text) {
      if (label) label.textContent = t("Translate");
      if (!among) say(found.told);
      return true;
    }
    button.closest(".translate-bar")?.before(card(found));
    if (label) label.textContent = t("Hide the translation");
    return true;
  } catch (trouble) {
    if (label) label.textContent = t("Translate");
    say((trouble as Error).message, true);
    return false;
  } finally {
    button.disabled = false;
  }
}

const card = (found: Shown): HTMLElement =>
  h("section.translation", { "aria-label": t("Translation") },
    h("p.translation-words", { dir: "auto", lang: found.language }, found.text),
    h("p.quiet", {}, icon("languages", 12), h("span", {}, found.told)));

function close(shown: HTMLElement): void {
  const label = one("[data-translate] span", shown.parentElement ?? shown);
  if (label) label.textContent = t("Translate");
  shown.remove();
}

/** The draft in their language, in its place; it is read and sent by whoever wrote it, or taken back. */
export async function draft(): Promise<void> {
  const [id, before] = [pane.openId(), composer.written()];
  if (!before.trim()) return void say(t("Write the answer first; it is then put into their language."));
  try {
    const found = (await act("POST", `/desk/conversations/${id}/translation`, { text: before })) as unknown as Shown;
    if (pane.openId() !== id || composer.written() !== before) return void say(t("You wrote on meanwhile, so the translation was left."));
    composer.rewrite(found.text);
    done(t("In their language now. Read it before you send it."), () => composer.rewrite(before));
  } catch (trouble) {
    say((trouble as Error).message, true);
  }
}
