// A menu with a search line: assign, tag, snooze, macros, palette all are this.

import { h, icon, one } from "../shared/dom.ts";
import { t } from "../shared/words.ts";

export interface Item {
  label: string;
  more?: string;
  lead?: Node;
  keys?: string[];
  checked?: boolean;
  group?: string;
  run: () => void;
}

export interface MenuOptions {
  /** Beside which element; without one it stands in the middle, over a veil. */
  at?: Element | null;
  placeholder: string;
  items: Item[];
  /** Makes an item of what was typed, when nothing else fits. */
  otherwise?: (typed: string) => Item | null;
  /** Gets what was typed when the menu is left without a choice, or after a word: for menus that open while one writes. */
  passing?: (typed: string) => void;
  /** Stays open after a choice (tags). */
  stays?: boolean;
  class?: string;
}

let close: (() => void) | null = null;
let serial = 0;

export const menuOpen = (): boolean => close !== null;
export const closeMenu = (): void => close?.();

export function openMenu(options: MenuOptions): void {
  close?.();
  const before = document.activeElement as HTMLElement | null;
  const name = `menu-${++serial}`;
  const search = h("input.menu-search", {
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": name, "aria-autocomplete": "list",
    "aria-label": options.placeholder, placeholder: options.placeholder, autocomplete: "off", spellcheck: "false",
  }) as HTMLInputElement;
  const box = h("div.menu-items", { id: name, role: "listbox", "aria-label": options.placeholder });
  const menu = h(`div.menu${options.class ? `.${options.class}` : ""}`, { role: "dialog", "aria-label": options.placeholder }, search, box);
  const holder = options.at ? menu : h("div.veil", {}, menu);
  one(".floats")?.append(holder);
  let found: Item[] = [];
  let place = 0;

  const choose = (item: Item | undefined): void => {
    if (!item) return;
    if (!options.stays) finish();
    item.run();
    if (options.stays) {
      item.checked = !item.checked;
      search.value = "";
      draw();
    }
  };
  const point = (next: number): void => {
    place = found.length ? (next + found.length) % found.length : 0;
    [...box.querySelectorAll<HTMLElement>("[role=option]")].forEach((line, index) => {
      line.setAttribute("aria-selected", String(index === place));
      if (index === place) {
        search.setAttribute("aria-activedescendant", line.id);
        line.scrollIntoView({ block: "nearest" });
      }
    });
  };
  const draw = (): void => {
    found = matching(options.items, search.value);
    const made = search.value.trim() && options.otherwise?.(search.value.trim());
    if (made) found = [...found, made];
    box.replaceChildren(...lines(found, name, choose, point, !search.value));
    point(0);
  };
  const finish = (): void => {
    close = null;
    holder.remove();
    document.removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", finish);
    if (!document.activeElement || document.activeElement === document.body) before?.isConnected && before.focus({ preventScroll: true });
  };
  const dismiss = (): void => {
    finish();
    if (search.value) options.passing?.(search.value);
  };
  const outside = (event: Event): void => {
    if (!menu.contains(event.target as Node)) dismiss();
  };
  search.addEventListener("input", () => (options.passing && / $/.test(search.value) && !found.length ? dismiss() : draw()));
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || (event.ctrlKey && event.key === "n")) point(place + 1);
    else if (event.key === "ArrowUp" || (event.ctrlKey && event.key === "p")) point(place - 1);
    else if (event.key === "Enter") choose(found[place]);
    else if (event.key === "Escape" || event.key === "Tab") dismiss();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("pointerdown", outside, true);
  addEventListener("resize", finish);
  close = finish;
  draw();
  if (options.at) stand(menu, options.at);
  search.focus({ preventScroll: true });
}

function lines(items: Item[], name: string, choose: (item: Item) => void, point: (index: number) => void, grouped: boolean): HTMLElement[] {
  if (!items.length) return [h("p.menu-none", {}, t("Nothing found"))];
  let group = "";
  return items.flatMap((item, index) => {
    const line = h(
      "div.menu-item",
      { id: `${name}-${index}`, role: "option", "aria-selected": "false", ...(item.checked === undefined ? {} : { "aria-checked": String(item.checked) }) },
      item.lead,
      h("span.menu-label", {}, item.label),
      item.more && h("span.menu-more", {}, item.more),
      item.keys && h("span.menu-keys", {}, ...item.keys.map((key) => h("kbd", {}, key))),
      item.checked !== undefined && h("span.menu-check", {}, icon("check", 14)),
    );
    line.addEventListener("pointermove", () => point(index));
    line.addEventListener("click", () => choose(item));
    const heads = grouped && item.group && item.group !== group ? [h("p.menu-group", { role: "presentation" }, item.group)] : [];
    group = item.group ?? group;
    return [...heads, line];
  });
}

/** Every typed letter in order; starts of words first. */
export function matching(items: Item[], typed: string): Item[] {
  const wanted = typed.trim().toLowerCase();
  if (!wanted) return items;
  return items
    .map((item) => ({ item, score: fit(`${item.label} ${item.more ?? ""}`.toLowerCase(), wanted) }))
    .filter((one) => one.score > 0)
    .sort((a, b) => b.score - a.score)
    .map((one) => one.item);
}

function fit(text: string, wanted: string): number {
  const at = text.indexOf(wanted);
  if (at === 0) return 4;
  if (at > 0) return text[at - 1] === " " ? 3 : 2;
  let place = 0;
  for (const letter of wanted) {
    place = text.indexOf(letter, place) + 1;
    if (!place) return 0;
  }
  return 1;
}

/** Below the element, or above it where there is no room. */
export function stand(menu: HTMLElement, at: Element): void {
  const spot = at.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const below = spot.bottom + 6 + size.height < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(spot.left, innerWidth - size.width - 8))}px`;
  if (below) menu.style.top = `${spot.bottom + 6}px`;
  else menu.style.bottom = `${Math.max(8, innerHeight - spot.top + 6)}px`;
}
