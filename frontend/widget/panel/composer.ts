// Where the visitor writes: a box that grows, files that are uploaded as soon as they are chosen.

import { h, icon } from "./dom.ts";
import { bytes, t } from "./words.ts";

const TYPES = "image/png,image/jpeg,image/gif,image/webp,.pdf,.txt,.csv,.doc,.docx,.odt,.xls,.xlsx,.ods";

export interface Upload {
  name: string;
  size: number;
  ref?: string;
}

export interface ComposerHands {
  say(text: string, files: Upload[]): void;
  typing(on: boolean): void;
  upload(file: File): Promise<string>;
  draft(text: string): void;
}

export class Composer {
  readonly box = h("textarea", { id: "words", rows: 1, placeholder: t("Write a message"), "aria-label": t("Write a message"), enterkeyhint: "send", dir: "auto" });
  readonly element: HTMLFormElement;
  private picker = h("input", { type: "file", multiple: true, accept: TYPES, hidden: true });
  private list = h("ul", { class: "uploads", hidden: true });
  private trouble = h("p", { class: "trouble", role: "alert" });
  private button = h("button", { class: "send", "aria-label": t("Send") }, icon("send"));
  private uploads: Upload[] = [];
  private lastTyped = 0;
  private rest = 0;
  private due = false; // sent as soon as its files are with the desk

  constructor(
    private hands: ComposerHands,
    private limits: { file_limit: number; files_per_turn: number; text_limit: number },
  ) {
    this.box.maxLength = limits.text_limit;
    this.element = h("form", { class: "composer", onsubmit: (event: Event) => { event.preventDefault(); this.send(); } },
      this.list, this.box, this.picker,
      h("div", { class: "tools" },
        h("button", { type: "button", class: "tool", "aria-label": t("Attach a file"), onclick: () => this.picker.click() }, icon("clip")),
        this.button),
      this.trouble);
    this.box.addEventListener("input", () => this.changed());
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.send();
      }
    });
    this.picker.addEventListener("change", () => { this.add([...(this.picker.files ?? [])]); this.picker.value = ""; });
    this.box.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) { event.preventDefault(); this.add(files); }
    });
    this.dressed();
  }

  set text(text: string) {
    this.box.value = text;
    this.dressed();
  }

  // Files dropped anywhere on the panel come here too.
  add(files: File[]) {
    this.trouble.textContent = "";
    for (const file of files) {
      if (this.uploads.length >= this.limits.files_per_turn) return this.complain(t("{count} files at most in one message.", { count: this.limits.files_per_turn }));
      if (file.size > this.limits.file_limit) this.complain(t("“{name}” is larger than {size}.", { name: file.name, size: bytes(this.limits.file_limit) }));
      else void this.upload(file);
    }
  }

  private async upload(file: File) {
    const one: Upload = { name: file.name, size: file.size };
    this.uploads.push(one);
    this.dressed();
    try {
      one.ref = await this.hands.upload(file);
    } catch (error) {
      this.uploads = this.uploads.filter((other) => other !== one);
      this.due = false;
      this.complain((error as Error).message);
    }
    this.dressed();
    if (this.due) this.send();
  }

  private complain(sentence: string) {
    this.trouble.textContent = sentence;
  }

  private send() {
    const text = this.box.value.trim();
    this.due = !this.ready(text) && this.uploads.length > 0;
    if (!this.ready(text)) return;
    this.hands.say(text, this.uploads);
    this.uploads = [];
    this.text = "";
    this.trouble.textContent = "";
    this.stopped();
    this.hands.draft("");
    this.box.focus();
  }

  private ready(text: string): boolean {
    return (!!text || this.uploads.length > 0) && this.uploads.every((one) => one.ref);
  }

  private changed() {
    this.due = false;
    this.dressed();
    this.hands.draft(this.box.value);
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.stopped(), 4000);
    if (Date.now() - this.lastTyped > 3000) {
      this.lastTyped = Date.now();
      this.hands.typing(true);
    }
  }

  private stopped() {
    clearTimeout(this.rest);
    if (this.lastTyped) this.hands.typing(false);
    this.lastTyped = 0;
  }

  private dressed() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, 132)}px`;
    this.button.classList.toggle("ready", this.ready(this.box.value.trim()));
    this.list.hidden = !this.uploads.length;
    this.list.replaceChildren(...this.uploads.map((one) => h("li", { class: one.ref ? "" : "busy" }, icon("page", 16),
      h("span", {}, one.name), h("small", {}, one.ref ? bytes(one.size) : t("Uploading")),
      h("button", { type: "button", class: "tool small", "aria-label": t("Remove {name}", { name: one.name }), onclick: () => this.remove(one) }, icon("close", 16)))));
  }

  private remove(one: Upload) {
    this.uploads = this.uploads.filter((other) => other !== one);
    this.dressed();
    this.box.focus();
  }
}
