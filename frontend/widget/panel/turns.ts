// How turns look: bubbles grouped by who speaks, a time where a pause was, states in words.

import type { Chat, Pending } from "./chat.ts";
import { arrange, h, icon } from "./dom.ts";
import type { Turn, TurnFile } from "./protocol.ts";
import { bytes, t, when } from "./words.ts";

const PAUSE = 20 * 60_000;
const LINK = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/;

export interface Hands {
  choose(value: string): void;
  retry(pending: Pending): void;
  forget(pending: Pending): void;
  open(file: TurnFile): void;
  preview(file: TurnFile): Promise<string>;
}

interface Line {
  key: string;
  look: string;
  content: string;
  make(): (Node | false)[];
}

export class Turns {
  private shown = new Map<string, { element: HTMLElement; content: string }>();

  constructor(
    private log: HTMLElement,
    private hands: Hands,
  ) {}

  show(chat: Chat) {
    const lines = this.lines(chat);
    const elements = lines.map((line) => this.element(line));
    arrange(this.log, elements);
    const keys = new Set(lines.map((line) => line.key));
    for (const key of this.shown.keys()) if (!keys.has(key)) this.shown.delete(key);
  }

  private element(line: Line): HTMLElement {
    const known = this.shown.get(line.key);
    const element = known?.element ?? h("div");
    element.className = line.look;
    if (known?.content !== line.content) {
      element.replaceChildren(...line.make().filter((node): node is Node => node !== false));
      this.shown.set(line.key, { element, content: line.content });
    }
    return element;
  }

  private lines(chat: Chat): Line[] {
    const lines: Line[] = [];
    let before: Turn | undefined;
    chat.turns.forEach((turn, place) => {
      if (!before || +new Date(turn.at) - +new Date(before.at) > PAUSE) lines.push(pause(turn));
      const next = chat.turns[place + 1];
      const last = !next && !chat.pending.length;
      const first = !before || !together(before, turn) || lines.at(-1)!.look === "pause";
      lines.push(this.turn(turn, first, !next || !together(turn, next), last && !chat.ended));
      before = turn;
    });
    for (const one of chat.pending) lines.push(this.pending(one, before?.author.kind !== "visitor"));
    const state = stateOf(chat);
    if (state) lines.push({ key: "state", look: "state", content: state, make: () => [h("span", { "aria-live": "off" }, state)] });
    return lines;
  }

  private turn(turn: Turn, first: boolean, end: boolean, last: boolean): Line {
    const { kind, name = "" } = turn.author;
    const key = turn.client_id ? `c:${turn.client_id}` : `m:${turn.message}:${turn.seq}`;
    if (kind === "system") return { key, look: "fact", content: fact(turn), make: () => [document.createTextNode(fact(turn))] };
    const side = kind === "visitor" ? "mine" : "theirs";
    const choices = last ? (turn.choices ?? []) : [];
    return {
      key,
      look: `turn ${side}${first ? " first" : ""}${end ? " end" : ""}`,
      content: JSON.stringify([turn.text, turn.files, turn.sources, choices, first, end]),
      make: () => [
        kind !== "visitor" && end && face(kind, name),
        h("div", { class: "said" }, kind === "visitor" ? voice(t("You")) : first ? author(kind, name) : voice(name),
          turn.text ? h("div", { class: "bubble", dir: "auto" }, ...words(turn.text)) : null,
          ...(turn.files ?? []).map((file) => this.file(file)),
          turn.sources?.length ? sources(turn) : null,
          choices.length ? this.choices(choices) : null),
      ],
    };
  }

  private pending(one: Pending, first: boolean): Line {
    const { text = "", client_id } = one.frame;
    const trouble = one.trouble;
    return {
      key: `c:${client_id}`,
      look: `turn mine end ${first ? "first " : ""}${trouble ? "refused" : "pending"}`,
      content: JSON.stringify([text, one.files, trouble]),
      make: () => [
        h("div", { class: "said" }, voice(t("You")),
          text ? h("div", { class: "bubble", dir: "auto" }, ...words(text)) : null,
          ...one.files.map((file) => h("div", { class: "file" }, icon("page"), h("span", {}, file.name))),
          trouble ? h("p", { class: "trouble" }, `${trouble} `,
            h("button", { type: "button", class: "link", onclick: () => this.hands.retry(one) }, t("Try again")), " ",
            h("button", { type: "button", class: "link", onclick: () => this.hands.forget(one) }, t("Remove"))) : null),
      ],
    };
  }

  private file(file: TurnFile): HTMLElement {
    const open = () => this.hands.open(file);
    if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
      const image = h("img", { alt: file.name });
      this.hands.preview(file).then((url) => (image.src = url), () => image.replaceWith(file.name));
      return h("button", { type: "button", class: "picture", onclick: open }, image);
    }
    return h("button", { type: "button", class: "file", onclick: open }, icon("page"),
      h("span", {}, file.name), h("small", {}, bytes(file.size)));
  }

  private choices(choices: { label: string; value: string }[]): HTMLElement {
    return h("div", { class: "choices" }, ...choices.map(({ label, value }) =>
      /^https?:/.test(value)
        ? h("a", { class: "choice", href: value, target: "_blank", rel: "noopener" }, label)
        : h("button", { type: "button", class: "choice", onclick: () => this.hands.choose(value) }, label)));
  }
}

function together(a: Turn, b: Turn): boolean {
  return a.author.kind === b.author.kind && a.author.name === b.author.name && +new Date(b.at) - +new Date(a.at) < 5 * 60_000;
}

function pause(turn: Turn): Line {
  const text = when(new Date(turn.at));
  return { key: `p:${turn.seq}`, look: "pause", content: text, make: () => [h("time", { datetime: turn.at }, text)] };
}

// The desk names what happened in one word, so that it can be said in the visitor's language.
function fact(turn: Turn): string {
  const name = turn.author.name || t("Somebody");
  if (turn.text === "joined") return t("{name} joined the chat", { name });
  if (turn.text === "went_on") return t("You went on elsewhere; it is the same conversation");
  if (turn.text === "called") return t("You spoke for {time}", { time: turn.author.name ?? "" });
  if (turn.text === "missed") return t("You called; nobody could answer");
  return turn.text === "ended" ? t("The chat was ended") : (turn.text ?? "");
}

function stateOf(chat: Chat): string {
  if (chat.pending.some((one) => !one.trouble)) return t("Sending");
  const last = chat.turns.findLast((turn) => turn.author.kind !== "system");
  if (last?.author.kind !== "visitor") return "";
  return last.state === "read" ? t("Seen") : t("Sent");
}

function voice(name: string): HTMLElement {
  return h("span", { class: "unseen" }, `${name}: `);
}

function author(kind: string, name: string): HTMLElement {
  return h("div", { class: "author" }, h("b", {}, name || t("Assistant")), kind === "bot" && ` · ${t("automatic answer")}`,
    h("span", { class: "unseen" }, ": "));
}

function face(kind: string, name: string): HTMLElement {
  const initials = name.split(/\s+/).map((part) => part[0] ?? "").slice(0, 2).join("");
  return h("span", { class: `face ${kind}`, "aria-hidden": "true" }, kind === "bot" ? icon("spark", 16) : initials);
}

function words(text: string): (Node | string)[] {
  return text.split(LINK).map((part, place) =>
    place % 2 ? h("a", { href: part, target: "_blank", rel: "noopener nofollow" }, part) : part);
}

function sources(turn: Turn): HTMLElement {
  return h("div", { class: "sources" }, h("span", { class: "unseen" }, t("Sources:")), ...turn.sources!.map(({ kind, title, url }) => {
    const inside = [icon(kind === "order" ? "parcel" : "page", 14), h("span", {}, title)];
    return url && /^(https?:|\/)/.test(url)
      ? h("a", { class: "chip", href: url, target: "_blank", rel: "noopener" }, ...inside)
      : h("span", { class: "chip" }, ...inside);
  }));
}
