// The palette, the sheet of keys, and the tips: three readers of the command registry.

import { all, h, icon, one } from "../shared/dom.ts";
import { t } from "../shared/words.ts";
import { commands, find, possible, shown, type Command } from "./commands.ts";
import { setSingleKeys, singleKeys } from "./keys.ts";
import { openMenu, type Item } from "./menus.ts";

export function palette(): void {
  const able = commands().filter((command) => !command.silent && possible(command));
  openMenu({
    placeholder: t("What do you want to do?"),
    class: "palette",
    items: together([...able.map(asItem), ...views()]),
    otherwise: (typed) => ({ label: t("Search for “{words}”", { words: typed }), lead: icon("search"), run: () => location.assign(`/desk/search?q=${encodeURIComponent(typed)}`) }),
  });
}

const asItem = (command: Command): Item => ({
  label: command.label,
  group: command.group,
  lead: icon(command.glyph),
  keys: command.keys?.[0] ? shown(command.keys[0]) : undefined,
  run: () => command.run(),
});

/** Each group once, where its first entry stands. */
function together(items: Item[]): Item[] {
  const order = [...new Set(items.map((item) => item.group))];
  return items.sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
}

/** Every view that the page lists and no command leads to; its count stands beside it. */
function views(): Item[] {
  const known = new Set(commands().map((command) => command.label));
  return all<HTMLAnchorElement>(".views .view")
    .map((link) => ({ link, label: one(".view-name", link)?.textContent ?? "" }))
    .filter(({ label }) => label && !known.has(label))
    .map(({ link, label }) => ({
      label,
      group: t("Views"),
      lead: one("svg", link)?.cloneNode(true),
      more: one(".count", link)?.textContent ?? "",
      run: () => location.assign(link.href),
    }));
}

export function sheet(): void {
  if (one(".sheet")) return closeSheet();
  const before = document.activeElement as HTMLElement | null;
  const close = h("button.tool", { type: "button", "aria-label": t("Close") }, icon("x"));
  const box = h("div.sheet", { role: "dialog", "aria-modal": "true", "aria-labelledby": "sheet-title", tabindex: "-1" });
  box.append(h("header", {}, h("h2", { id: "sheet-title" }, t("Keyboard shortcuts")), close), h("div.sheet-columns", {}, ...groups()), keySwitch());
  const veil = h("div.veil", {}, box);
  one(".floats")?.append(veil);
  close.addEventListener("click", () => closeSheet(before));
  veil.addEventListener("pointerdown", (event) => event.target === veil && closeSheet(before));
  box.addEventListener("keydown", (event) => trap(event, box, before));
  close.focus();
}

export const sheetOpen = (): boolean => Boolean(one(".sheet"));

export function closeSheet(back?: HTMLElement | null): void {
  one(".sheet")?.closest(".veil")?.remove();
  back?.focus({ preventScroll: true });
}

function trap(event: KeyboardEvent, box: HTMLElement, before: HTMLElement | null): void {
  if (event.key === "Escape" || event.key === "?") closeSheet(before);
  else if (event.key === "Tab") {
    const stops = all("button, input", box);
    const last = event.shiftKey ? stops[0] : stops.at(-1);
    if (document.activeElement !== last) return;
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  } else if (event.key === " " || event.key === "Enter") return event.stopPropagation();
  event.preventDefault();
  event.stopPropagation();
}

function groups(): HTMLElement[] {
  const named = new Map<string, Command[]>();
  for (const command of commands()) if (command.keys?.length) named.set(command.group, [...(named.get(command.group) ?? []), command]);
  return [...named].map(([name, list]) =>
    h("section.sheet-group", {}, h("h3", {}, name), ...list.map((command) => h("p.sheet-line", {}, h("span", {}, command.label), keysOf(command)))),
  );
}

const keysOf = (command: Command): HTMLElement => h("span.menu-keys", {}, ...shown(command.keys?.[0] ?? "").map((key) => h("kbd", {}, key)));

function keySwitch(): HTMLElement {
  const box = h("input", { type: "checkbox", ...(singleKeys() ? { checked: true } : {}) }) as HTMLInputElement;
  box.addEventListener("change", () => setSingleKeys(box.checked));
  return h("label.sheet-switch", {}, box, t("Single-key shortcuts are on"));
}

// ── tips ──

let tipTimer = 0;

/** Buttons bound to a command get its name and key from the registry. */
export function tips(): void {
  document.addEventListener("pointerover", (event) => aim(event.target));
  document.addEventListener("focusin", (event) => (event.target as Element).matches?.(":focus-visible") && aim(event.target));
  for (const kind of ["pointerdown", "keydown", "scroll", "focusout"]) document.addEventListener(kind, hide, { capture: true, passive: true });
}

function aim(target: EventTarget | null): void {
  const button = target instanceof Element ? target.closest<HTMLElement>("[data-command]") : null;
  hide();
  const command = button && find(button.dataset.command ?? "");
  if (!button || !command) return;
  if (button.hasAttribute("aria-label") && button.matches("button")) button.setAttribute("aria-label", command.label);
  tipTimer = window.setTimeout(() => show(button, command), 450);
}

function show(button: HTMLElement, command: Command): void {
  if (!button.isConnected) return;
  const tip = h("div.tip", { role: "tooltip" }, command.label, command.keys?.length ? keysOf(command) : null);
  one(".floats")?.append(tip);
  const [spot, size] = [button.getBoundingClientRect(), tip.getBoundingClientRect()];
  const beside = Boolean(button.closest(".rail")) && innerWidth > 760;
  const left = beside ? spot.right + 8 : spot.left + spot.width / 2 - size.width / 2;
  const top = beside ? spot.top + spot.height / 2 - size.height / 2 : spot.bottom + 6 + size.height < innerHeight ? spot.bottom + 6 : spot.top - size.height - 6;
  tip.style.left = `${Math.max(8, Math.min(left, innerWidth - size.width - 8))}px`;
  tip.style.top = `${top}px`;
}

function hide(): void {
  clearTimeout(tipTimer);
  one(".tip")?.remove();
}

/** Names and keys for assistive technology, wherever a command's button appears. */
export function nameButtons(within: ParentNode = document): void {
  for (const button of all("[data-command]", within)) {
    const command = find(button.dataset.command ?? "");
    const key = command?.keys?.[0];
    if (key) button.setAttribute("aria-keyshortcuts", key.replace("Mod", "Control"));
    if (command && button.getAttribute("aria-label") === command.id) button.setAttribute("aria-label", command.label);
  }
}
