// The editor of a procedure: numbers beside its lines, marks where the check finds something, checked while one writes.

import { one, parse } from "../shared/dom.ts";
import { pieceOf } from "../shared/net.ts";

const PAUSE = 350;

export function editor(): void {
  const form = one<HTMLFormElement>("[data-editor]");
  const area = form?.querySelector<HTMLTextAreaElement>("textarea");
  const lines = form?.querySelector<HTMLElement>(".editor-lines");
  const check = form?.querySelector<HTMLElement>(".editor-check");
  if (!form || !area || !lines || !check) return;
  form.classList.add("is-live");

  const number = (): void => {
    const wrong = new Set([...check.querySelectorAll<HTMLElement>("[data-line]")].map((at) => Number(at.dataset.line)));
    const count = area.value.split("\n").length;
    lines.replaceChildren(
      ...Array.from({ length: count }, (_, place) => {
        const line = document.createElement("span");
        line.textContent = String(place + 1);
        if (wrong.has(place + 1)) line.className = "is-wrong";
        return line;
      }),
    );
    lines.scrollTop = area.scrollTop;
  };

  let waiting = 0;
  let asked = 0;
  const look = async (): Promise<void> => {
    const mine = ++asked;
    const name = encodeURIComponent(form.dataset.name ?? "");
    try {
      const found = await pieceOf(`/desk/settings/procedures/check?name=${name}`, { text: area.value });
      if (mine !== asked) return;
      check.replaceChildren(parse(found));
      number();
    } catch {
      // The page works without; whoever saves is told.
    }
  };

  area.addEventListener("input", () => {
    number();
    clearTimeout(waiting);
    waiting = window.setTimeout(() => void look(), PAUSE);
  });
  let leaving = false;
  form.addEventListener("submit", () => {
    leaving = true;
  });
  addEventListener("beforeunload", (event) => {
    if (!leaving && area.value !== area.defaultValue) event.preventDefault();
  });
  area.addEventListener("scroll", () => {
    lines.scrollTop = area.scrollTop;
  });
  area.addEventListener("keydown", (press) => shift(press, area));
  check.addEventListener("click", (press) => {
    const line = (press.target as HTMLElement).closest<HTMLElement>("[data-line]")?.dataset.line;
    if (line) go(area, Number(line));
  });
  number();
}

/** The caret goes to a line, and the line into sight. */
function go(area: HTMLTextAreaElement, line: number): void {
  const all = area.value.split("\n");
  const start = all.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (all[line - 1]?.length ?? 0));
  const height = area.scrollHeight / Math.max(all.length, 1);
  area.scrollTop = Math.max(0, (line - 5) * height);
}

/** Ctrl+] and Ctrl+[ move the lines of the selection in and out; Tab stays the way onward. */
function shift(press: KeyboardEvent, area: HTMLTextAreaElement): void {
  if (!(press.ctrlKey || press.metaKey) || (press.key !== "]" && press.key !== "[")) return;
  press.preventDefault();
  const { selectionStart, selectionEnd, value } = area;
  const from = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const chosen = value.slice(from, selectionEnd);
  const moved = press.key === "]" ? chosen.replace(/^/gm, "  ") : chosen.replace(/^ {1,2}/gm, "");
  area.setRangeText(moved, from, selectionEnd, "select");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}
