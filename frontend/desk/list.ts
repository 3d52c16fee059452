// The list: where the cursor stands, what is picked, and rows that move by themselves.

import { Idiomorph } from "idiomorph";

import { afterPaint, all, one, parse } from "../shared/dom.ts";
import { fragment, type Change } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import * as pane from "./pane.ts";
import { freshen } from "./times.ts";

/** Neighbours fetched ahead, nearest first, in the direction of the last move: a held key outruns three. */
const AHEAD = [1, 2, -1, 3, 4, -2, 5];
const list = (): HTMLElement | null => one(".list");
const box = (): HTMLElement | null => one(".rows");
export const rows = (): HTMLElement[] => all(".rows > .row");
const idOf = (row: HTMLElement): number => Number(row.dataset.id);
export const rowOf = (id: number): HTMLElement | null => document.getElementById(`row-${id}`);
export const hasList = (): boolean => Boolean(box());
let cursor = 0;
let heading: 1 | -1 = 1;

export function listen(): void {
  box()?.addEventListener("click", clicked);
  box()?.addEventListener("change", () => showPicked());
  one(".list")?.addEventListener("pointerover", (event) => {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (row) void pane.preload(idOf(row)).catch(() => undefined);
  });
  one("[data-more]")?.addEventListener("click", more);
  pane.onTurn(mark);
  addEventListener("popstate", back);
  history.replaceState({ conversation: pane.openId() }, "");
  if (!pane.openId()) ahead();
}

function clicked(event: MouseEvent): void {
  const link = (event.target as Element).closest<HTMLAnchorElement>(".row-link");
  const row = link?.closest<HTMLElement>(".row");
  if (!row || event.metaKey || event.ctrlKey || event.button !== 0) return;
  event.preventDefault();
  void open(row);
}

export function open(row: HTMLElement, push = true): Promise<void> {
  const hint = { subject: one(".row-subject", row)?.textContent ?? "", person: one(".row-name", row)?.textContent ?? "" };
  return pane.show(idOf(row), { push, hint });
}

function back(event: PopStateEvent): void {
  const id = (event.state as { conversation?: number } | null)?.conversation;
  if (!id) return pane.showNothing();
  void pane.show(id, { push: false });
}

/** The cursor follows the open conversation; its neighbours are fetched when the page is idle. */
function mark(id: number): void {
  cursor = id;
  for (const row of all(".row.is-open")) leave(row, id);
  const row = rowOf(id);
  row?.classList.add("is-open");
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
  ahead();
}

function leave(row: HTMLElement, next: number): void {
  if (idOf(row) === next) return;
  row.classList.remove("is-open");
  row.removeAttribute("aria-current");
  if (row.classList.contains("is-leaving")) row.remove();
  showEmptiness();
}

function ahead(): void {
  const order = rows();
  const place = order.findIndex((row) => idOf(row) === cursor);
  afterPaint(() => {
    for (const step of AHEAD) {
      const row = order[place + step * heading];
      if (row?.isConnected) void pane.preload(idOf(row)).catch(() => undefined);
    }
  });
}

/** Open the next (1) or previous (-1) conversation. */
export function move(step: 1 | -1): void {
  const order = rows();
  const place = order.findIndex((row) => idOf(row) === cursor);
  const next = order[place < 0 ? 0 : place + step];
  heading = step;
  if (next) void open(next);
}

/** After a conversation has left the view: the one below it, else the one above. */
export function advance(): void {
  const order = rows();
  const place = order.findIndex((row) => idOf(row) === pane.openId());
  const next = order[place + 1] ?? order[place - 1];
  if (next) void open(next);
}

// ── picking ──

export const picked = (): number[] => all<HTMLInputElement>(".pick input:checked").map((input) => Number(input.value));

export function pick(): void {
  const input = one<HTMLInputElement>(`#row-${cursor} .pick input`);
  if (!input) return;
  input.checked = !input.checked;
  showPicked();
}

export function clearPicked(): void {
  for (const input of all<HTMLInputElement>(".pick input:checked")) input.checked = false;
  showPicked();
}

function showPicked(): void {
  const count = picked().length;
  for (const row of rows()) row.classList.toggle("is-picked", Boolean(one<HTMLInputElement>(".pick input", row)?.checked));
  box()?.classList.toggle("is-picking", count > 0);
  const bar = one(".bulk");
  if (!bar) return;
  bar.hidden = count === 0;
  const words = one(".bulk-count", bar);
  if (words) words.textContent = t("{n} selected", { n: count });
}

// ── rows that move ──

export function take(change: Change): void {
  if (change.counts) showCounts(change.counts);
  if (change.row === undefined || change.row === null || !box()) return;
  const fresh = parse(change.row).firstElementChild as HTMLElement | null;
  const there = rowOf(change.conversation);
  if (!fresh || (there && Number(there.dataset.seq) > Number(fresh.dataset.seq))) return;
  freshen(fresh);
  if (!belongs(fresh)) return there ? retire(there, fresh) : undefined;
  const row = there ? renew(there, fresh) : fresh;
  row.classList.remove("is-leaving");
  place(row);
  showEmptiness();
}

const belongs = (row: HTMLElement): boolean => (row.dataset.tokens ?? "").split(" ").includes(list()?.dataset.token ?? "");

/** The open one stays, pale, until the reader moves on: hands on j and k must not lose their place. */
function retire(there: HTMLElement, fresh: HTMLElement): void {
  const open = idOf(there) === pane.openId();
  if (!open) there.remove();
  else renew(there, fresh).classList.add("is-leaving");
  showEmptiness();
}

function renew(there: HTMLElement, fresh: HTMLElement): HTMLElement {
  const states = ["is-open", "is-picked", "is-leaving"].filter((name) => there.classList.contains(name));
  fresh.classList.add(...states);
  if (there.getAttribute("aria-current")) fresh.setAttribute("aria-current", "true");
  Idiomorph.morph(there, fresh, { ignoreActiveValue: true });
  return there;
}

/** What a row is ordered by in this view: those who wait by how long, what is due by when, what presses by how much, all else newest first. */
function orderOf(row: HTMLElement): number {
  const token = list()?.dataset.token;
  const named: Record<string, string | undefined> = { waiting: row.dataset.waits, due: row.dataset.dues, pressing: row.dataset.ranks };
  return Number(named[token ?? ""] ?? row.dataset.order);
}

/** Ascending `orderOf`. Moved only when it has to move: a moved element loses focus and hover. */
function place(row: HTMLElement): void {
  const order = orderOf(row);
  const others = rows().filter((other) => other !== row && !other.classList.contains("is-leaving"));
  const next = others.find((other) => orderOf(other) > order) ?? null;
  const here = box();
  if (!here || (row.isConnected && row.nextElementSibling === next)) return;
  if (!next && one("[data-more]") && !row.isConnected) return;
  const focused = row.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
  const scroll = list()?.scrollTop ?? 0;
  here.insertBefore(row, next);
  focused?.focus({ preventScroll: true });
  const scroller = list();
  if (scroller) scroller.scrollTop = scroll;
}

export function remove(id: number): void {
  rowOf(id)?.classList.add("is-leaving");
}

function showCounts(counts: Record<string, number>): void {
  for (const [token, count] of Object.entries(counts)) {
    for (const element of all(`[data-count="${CSS.escape(token)}"]`)) element.textContent = count ? String(count) : "";
  }
}

function showEmptiness(): void {
  const empty = one(".list-empty");
  if (empty) empty.hidden = rows().length > 0;
}

async function more(event: Event): Promise<void> {
  event.preventDefault();
  const link = event.currentTarget as HTMLAnchorElement;
  const fresh = parse(await fragment(link.href, "list"));
  freshen(fresh);
  box()?.append(...all(".row", fresh).filter((row) => !rowOf(idOf(row))));
  const next = one<HTMLAnchorElement>("[data-more]", fresh);
  if (next) link.href = next.href;
  else link.parentElement?.remove();
}
