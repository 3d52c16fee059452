// The two small forms that rise above the composer: going on by mail, and rating.

import { h, icon } from "./dom.ts";
import type { AskRating } from "./protocol.ts";
import { t } from "./words.ts";

interface MailHands {
  claim(mail: string): boolean;
  prove(digits: string): boolean;
  close(): void;
}

// First the address, then the six digits that were mailed there.
export class MailSheet {
  readonly element = h("section", { class: "sheet", "aria-labelledby": "mail-title" });
  private mail = "";
  private trouble = h("p", { class: "trouble", role: "alert" });

  constructor(private hands: MailHands) {}

  ask() {
    const input = h("input", { id: "mail", type: "email", required: true, autocomplete: "email", value: this.mail, placeholder: "name@example.com", "aria-describedby": "mail-why" });
    const send = () => {
      this.mail = input.value.trim();
      if (!this.hands.claim(this.mail)) this.refused(t("You are offline. Try again when you are back online."));
    };
    this.draw(t("Go on by mail"),
      h("p", { id: "mail-why" }, t("Leave any time. We answer to your mail address, and you can write back from there.")),
      form(send, h("label", { for: "mail" }, t("Your mail address")), h("div", { class: "row" }, input, h("button", { class: "primary" }, t("Send code")))));
    input.focus();
  }

  sent(mail: string) {
    const digits = h("input", { id: "code", class: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 7, required: true, pattern: "[0-9 ]{6,7}" });
    const prove = () => {
      this.refused("");
      if (!this.hands.prove(digits.value.replace(/\D/g, ""))) this.refused(t("You are offline. Try again when you are back online."));
    };
    digits.addEventListener("input", () => digits.value.replace(/\D/g, "").length === 6 && prove());
    this.draw(t("Type the code"),
      h("p", {}, t("We mailed six digits to {mail}.", { mail })),
      form(prove, h("label", { for: "code" }, t("Six digits")), h("div", { class: "row" }, digits, h("button", { class: "primary" }, t("Confirm")))),
      h("p", {}, h("button", { type: "button", class: "link", onclick: () => this.hands.claim(this.mail) }, t("Mail a new code")), " · ",
        h("button", { type: "button", class: "link", onclick: () => this.ask() }, t("Another address"))));
    digits.focus();
  }

  proved(mail: string) {
    this.draw(t("That is your address"), h("p", {}, t("When you leave, we go on by mail at {mail}.", { mail })),
      h("div", { class: "row end" }, h("button", { type: "button", class: "primary", onclick: () => this.hands.close() }, t("Back to the chat"))));
    this.element.querySelector<HTMLElement>(".primary")!.focus();
  }

  refused(sentence: string) {
    this.trouble.textContent = sentence;
    this.element.querySelector("input")?.setAttribute("aria-invalid", `${!!sentence}`);
  }

  private draw(title: string, ...inside: Node[]) {
    this.trouble.textContent = "";
    this.element.replaceChildren(top("mail-title", title, () => this.hands.close()), ...inside, this.trouble);
  }
}

// Mouth of each face, from bad to good.
const MOUTHS = ["M8 17c2-3.5 6-3.5 8 0", "M8.5 16.5c2-1.8 5-1.8 7 0", "M8.5 15.5h7", "M8.5 14.5c2 1.8 5 1.8 7 0", "M8 14c2 3.5 6 3.5 8 0"];
const EYES = "M9 9.5v.01M15 9.5v.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z";

const SCALES: Record<string, [number, number]> = { csat: [1, 5], nps: [0, 10], ces: [1, 7], solved: [0, 1] };

export function ratingSheet(ask: AskRating, rate: (score: number, comment: string) => void, close: () => void): HTMLElement {
  const measure = ask.measure ?? "csat";
  const inWords = !SCALES[measure];
  const names = [t("Bad"), t("Not good"), t("Fair"), t("Good"), t("Very good")];
  const comment = h("textarea", { id: "comment", rows: 2, maxlength: 2000, required: inWords });
  const more = h("div", { hidden: !inWords }, h("label", { for: "comment", class: inWords ? "sr" : "" }, inWords ? ask.question ?? "" : t("What should we know? (optional)")), comment,
    h("div", { class: "row end" }, h("button", { class: "primary" }, t("Send rating"))));
  const chosen = h("span", { class: "chosen" });
  const step = (score: number) => {
    const name = measure === "csat" ? names[score - 1]! : measure === "solved" ? (score ? t("Yes") : t("No")) : `${score}`;
    return h("label", { class: measure === "csat" ? "mood" : "mood step", title: name },
      h("input", { type: "radio", name: "score", value: score, "aria-label": name, onchange: () => { more.hidden = false; chosen.textContent = measure === "csat" ? name : ""; } }),
      measure === "csat" ? icon({ path: `${EYES}${MOUTHS[score - 1]}` }, 32) : h("span", {}, name));
  };
  const [low, high] = SCALES[measure] ?? [1, 0];
  const steps = Array.from({ length: high - low + 1 }, (_, place) => step(low + place));
  const send = () => rate(Number(element.querySelector<HTMLInputElement>("input:checked")?.value ?? 0), comment.value.trim());
  const element = h("section", { class: "sheet", "aria-labelledby": "rating-title" },
    top("rating-title", ask.question || t("How did we do?"), close),
    form(send, ...(inWords ? [] : [h("div", { class: "moods", role: "radiogroup", "aria-labelledby": "rating-title" }, ...steps), chosen]), more));
  return element;
}

function form(send: () => void, ...inside: Node[]): HTMLFormElement {
  return h("form", { onsubmit: (event: Event) => { event.preventDefault(); send(); } }, ...inside);
}

function top(id: string, title: string, close: () => void): HTMLElement {
  return h("div", { class: "sheet-top" }, h("h2", { id }, title),
    h("button", { type: "button", class: "tool", "aria-label": t("Close"), onclick: close }, icon("close")));
}
