// The open conversation: shown from memory where possible, neighbours fetched ahead.

import { Idiomorph } from "idiomorph";

import { afterPaint, all, face, h, icon, one, parse } from "../shared/dom.ts";
import { fragment, type Change, type FaceData, type Facts } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import * as found from "./found.ts";
import { painted } from "./marks.ts";
import { freshen } from "./times.ts";

const kept = new Map<number, Promise<string>>();
const ready = new Map<number, Prepared>();
const KEEP = 24;
/** Conversations of which there was news while their words were on the way: those may be old already. */
const heard = new Set<number>();

/** A conversation in memory: its words, and when there was time for it, the nodes made of them. */
interface Prepared { html: string; nodes: DocumentFragment | null }

const opened: ((id: number) => void)[] = [];
const turned: ((id: number) => void)[] = [];
const left: ((id: number) => void)[] = [];
const told: (() => void)[] = [];
let current = 0;
let turnNumber = 0;

export const openId = (): number => current;
export const main = (): HTMLElement => one("#main") as HTMLElement;
export const onOpen = (then: (id: number) => void): void => void opened.push(then);
/** The cursor has moved here, whether or not the words have come. */
export const onTurn = (then: (id: number) => void): void => void turned.push(then);
/** Something was said or changed in the open conversation. */
export const onNews = (then: () => void): void => void told.push(then);
export const onLeave = (then: (id: number) => void): void => void left.push(then);

export function adopt(): void {
  current = Number(main()?.dataset.id ?? 0);
  if (!current) return;
  stayAtEnd();
  for (const then of [...turned, ...opened]) then(current);
}

/** Fetch ahead; a repeated call costs nothing. */
export function preload(id: number): Promise<string> {
  const known = kept.get(id);
  if (known) return known;
  const coming = fragment(`/desk/conversations/${id}`, "conversation");
  kept.set(id, coming);
  coming.then(
    (html) => kept.get(id) === coming && prepare(id, html),
    () => forget(id),
  );
  while (kept.size > KEEP) forget(kept.keys().next().value as number);
  return coming;
}

/** Making nodes takes some milliseconds, so it is done before the key is pressed. */
function prepare(id: number, html: string): void {
  const entry: Prepared = { html, nodes: null };
  ready.set(id, entry);
  whenIdle(() => ready.get(id) === entry && (entry.nodes ??= parse(entry.html)));
}

const whenIdle = (then: () => void): void =>
  void ("requestIdleCallback" in window ? requestIdleCallback(then, { timeout: 500 }) : setTimeout(then, 50));

function takeNodes(id: number, entry: Prepared): DocumentFragment {
  const nodes = entry.nodes ?? parse(entry.html);
  prepare(id, entry.html);
  return nodes;
}

export function forget(id: number): void {
  kept.delete(id);
  ready.delete(id);
}

/** Show a conversation at once: whole if it is in memory, else its head until the rest has come. */
export async function show(id: number, { push = true, hint }: { push?: boolean; hint?: { subject: string; person: string } } = {}): Promise<void> {
  if (id === current && main().dataset.id === String(id)) return reveal("conversation");
  if (current) for (const then of left) then(current);
  current = id;
  const mine = ++turnNumber;
  reveal("conversation");
  const known = ready.get(id);
  if (push) afterPaint(() => id === current && history.pushState({ conversation: id }, "", `/desk/conversations/${id}`));
  if (known) {
    put(takeNodes(id, known));
    for (const then of turned) then(id);
    painted("move", { id, warm: true });
    return;
  }
  heard.delete(id);
  outline(hint);
  for (const then of turned) then(id);
  painted("move", { id, warm: false });
  let html = await preload(id);
  if (mine === turnNumber && heard.has(id)) html = await fragment(`/desk/conversations/${id}`, "conversation");
  if (mine !== turnNumber) return;
  put(parse(html));
  painted("fill", { id });
}

export function reveal(what: "conversation" | "list"): void {
  const panes = one(".panes");
  if (panes) panes.dataset.showing = what;
}

export function showNothing(): void {
  if (current) for (const then of left) then(current);
  current = 0;
  turnNumber += 1;
  reveal("list");
}

function put(fresh: DocumentFragment): void {
  const [newMain, newPerson] = [one("#main", fresh), one("#person", fresh)];
  if (!newMain || !newPerson) return;
  freshen(fresh);
  main().replaceWith(newMain);
  one("#person")?.replaceWith(newPerson);
  document.title = `${newMain.getAttribute("aria-label")} – ${one(".views-title")?.textContent ?? "Parley"}`;
  for (const then of opened) then(current);
  stayAtEnd();
}

function outline(hint?: { subject: string; person: string }): void {
  const bare = h("section.conversation", { id: "main", tabindex: "-1", "aria-busy": "true", "data-id": String(current) });
  bare.append(
    h("header.talk-head", {}, h("h1.talk-subject", { dir: "auto" }, hint?.subject ?? ""), h("p.talk-facts", {}, hint?.person ?? "")),
    h("div.stream", {}, h("div.waiting-for-words", {}, h("i"), h("i"), h("i"))),
  );
  main().replaceWith(bare);
  one("#person")?.replaceChildren();
}

// ── the stream ──

export const stream = (): HTMLElement | null => one(".stream", main());
const nearEnd = (box: HTMLElement): boolean => box.scrollHeight - box.scrollTop - box.clientHeight < 120;

let atEnd = true;
const sizes = new ResizeObserver(() => atEnd && toLatest());

/** Whoever reads the end goes on seeing it when pictures arrive, the head grows or the composer does. */
function stayAtEnd(): void {
  const box = stream();
  const turns = box && one(".turns", box);
  toLatest();
  sizes.disconnect();
  if (!box || !turns) return;
  atEnd = true;
  sizes.observe(box);
  sizes.observe(turns);
  box.addEventListener("scroll", () => (atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24), { passive: true });
}

export function toLatest(): void {
  const box = stream();
  if (box) box.scrollTop = box.scrollHeight;
  one(".pill", main())?.setAttribute("hidden", "");
}

/** Put a turn below; the reader's place stays unless they were at the end. */
export function append(turn: Node, follow: boolean): void {
  const box = stream();
  if (!box) return;
  const atEnd = follow || nearEnd(box);
  one(".turns", box)?.append(turn);
  if (atEnd) toLatest();
  else one(".pill", main())?.removeAttribute("hidden");
}

/** New and changed turns from the server: known ones change in place, new ones stand below. */
export function takeTurns(html: string): void {
  const fresh = parse(html);
  freshen(fresh);
  for (const turn of [...fresh.children] as HTMLElement[]) {
    const there = (turn.id && document.getElementById(turn.id)) || ownTurn(turn.dataset.client);
    if (!there) {
      turn.classList.add("is-new");
      append(turn, false);
    } else if (there !== turn) {
      const box = stream();
      const atEnd = Boolean(box && nearEnd(box));
      Idiomorph.morph(there, turn, { ignoreActiveValue: true, callbacks: { beforeAttributeUpdated: keepOpen } });
      if (atEnd) toLatest();
    }
  }
}

/** A folded part that the reader has opened stays open. */
const keepOpen = (name: string, element: Element): boolean => !(name === "open" && element.tagName === "DETAILS");

function ownTurn(client: string | undefined): HTMLElement | null {
  return client ? one(`[data-client="${CSS.escape(client)}"]`, main()) : null;
}

// ── facts in the head ──

const STATUS: Record<string, [string, string]> = {
  open: ["circle-dot", "Open"],
  waiting: ["circle-dot", "Waiting"],
  snoozed: ["alarm-clock", "Snoozed"],
  closed: ["circle-check", "Closed"],
  bot: ["sparkles", "With the bot"],
  quarantined: ["triangle-alert", "Unreadable"],
};

export function takeFacts(facts: Partial<Facts>): void {
  const pane = main();
  if (facts.status) showStatus(pane, facts.status);
  if (facts.assignee !== undefined) showOwner(pane, facts.assignee);
  if (facts.tags) showTags(pane, facts.tags);
  if (facts.subject) setText(one(".talk-subject", pane), facts.subject);
  if (facts.snoozed_until !== undefined || facts.waiting_since !== undefined) showClock(pane, facts);
}

function showStatus(pane: HTMLElement, status: string): void {
  if (pane.dataset.status === status) return;
  pane.dataset.status = status;
  const [glyph, label] = STATUS[status] ?? ["circle", status];
  one(".talk-status", pane)?.replaceChildren(h(`span.status.is-${status}`, {}, icon(glyph, 14), h("span", {}, t(label))));
  showEnding(pane, status);
}

/** The last button of the head closes or reopens. */
function showEnding(pane: HTMLElement, status: string): void {
  const acts = one(".talk-acts", pane);
  const ending = acts?.lastElementChild;
  if (!acts || !ending) return;
  const [command, glyph, label] = status === "closed" ? ["reopen", "rotate-ccw", t("Reopen")] : ["close", "circle-check", t("Close")];
  if (ending.matches(`[data-command="${command}"]`) || one(`[data-command="${command}"]`, ending)) return;
  ending.replaceWith(h("button.button", { type: "button", "data-command": command }, icon(glyph), h("span", {}, label)));
}

function showOwner(pane: HTMLElement, owner: FaceData | null): void {
  pane.dataset.assignee = owner?.id ? String(owner.id) : "";
  const button = one(".owner", pane);
  button?.replaceChildren(owner ? face(owner, 18) : icon("user-plus", 14), h("span.owner-name", {}, owner?.name ?? t("Assign")));
}

function showTags(pane: HTMLElement, tags: string[]): void {
  one(".talk-tags", pane)?.replaceChildren(...tags.map((tag) => h("span.chip", { "data-tag": tag }, tag)));
}

function showClock(pane: HTMLElement, facts: Partial<Facts>): void {
  const clock = one(".talk-clock", pane);
  if (!clock) return;
  const word = facts.snoozed_until ? `${t("until")} ` : pane.dataset.status === "waiting" ? "" : `${t("waiting")} `;
  const moment = facts.snoozed_until ?? facts.waiting_since;
  clock.replaceChildren(...(moment ? [word, h("time", { datetime: moment })] : []));
  showDue(pane, facts);
  freshen(clock.parentElement ?? document);
}

function showDue(pane: HTMLElement, facts: Partial<Facts>): void {
  const place = one(".talk-due", pane);
  if (!place) return;
  place.removeAttribute("title");
  for (const [name, value] of Object.entries({ due: facts.due, near: facts.near, promise: facts.promise, urgency: "" })) {
    if (facts.due && value !== null && value !== undefined) place.dataset[name] = value;
    else delete place.dataset[name];
  }
  place.replaceChildren(...(facts.due ? [icon("clock", 14), h("span.due-words")] : []));
}

function setText(element: Element | null, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}

/** A change of any conversation: the open one is brought up to date, remembered ones are forgotten. */
export function take(change: Change): void {
  if (main().hasAttribute("aria-busy")) heard.add(change.conversation);
  if (change.conversation !== current) return forget(change.conversation);
  forget(change.conversation);
  if (change.turns) {
    takeTurns(change.turns);
    for (const then of told) then();
  }
  if (change.found) void found.renew(change.conversation);
  if (change.facts && change.seq >= Number(main().dataset.seq ?? 0)) {
    main().dataset.seq = String(change.seq);
    takeFacts(change.facts);
  }
}

export const tagsShown = (): string[] => all(".talk-tags [data-tag]", main()).map((chip) => chip.dataset.tag ?? "");
