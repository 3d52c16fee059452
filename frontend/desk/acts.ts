// What is done to a conversation: shown at once, told to the server, taken back with u.

import { face, h, icon, one } from "../shared/dom.ts";
import { act, Trouble, type Change, type Facts } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import { asFace, choices, type AgentChoice } from "./choices.ts";
import * as list from "./list.ts";
import { painted } from "./marks.ts";
import { openMenu, type Item } from "./menus.ts";
import * as pane from "./pane.ts";
import { done, say } from "./toasts.ts";

const path = (id: number, noun: string): string => `/desk/conversations/${id}/${noun}`;

export function take(change: Change | null): void {
  if (!change) return;
  pane.take(change);
  list.take(change);
}

/** The picked ones, else the open one. */
function chosen(): number[] {
  const picked = list.picked();
  return picked.length ? picked : pane.openId() ? [pane.openId()] : [];
}

export const canAct = (): boolean => chosen().length > 0;
export const isClosed = (): boolean => pane.main().dataset.status === "closed";

async function tell(ids: number[], method: string, noun: string, fields: Record<string, string> = {}): Promise<void> {
  for (const id of ids) {
    try {
      take(await act(method, path(id, noun), fields));
    } catch (trouble) {
      say(trouble instanceof Trouble ? trouble.message : String(trouble), true);
      await restore(id);
    }
  }
}

/** What was shown too early is replaced by what is so. */
async function restore(id: number): Promise<void> {
  pane.forget(id);
  list.rowOf(id)?.classList.remove("is-leaving");
  if (pane.openId() !== id) return;
  pane.main().dataset.id = "";
  await pane.show(id, { push: false });
}

function guess(ids: number[], facts: Partial<Facts>): void {
  for (const id of ids) pane.forget(id);
  if (ids.includes(pane.openId())) pane.takeFacts(facts);
}

/** Rows that leave this view go pale at once, and the next conversation opens. */
function leave(ids: number[], what: string): void {
  for (const id of ids) list.remove(id);
  if (ids.includes(pane.openId()) && list.rowOf(pane.openId())) list.advance();
  painted(what);
  list.clearPicked();
}

const many = (ids: number[], single: string, several: string): string => (ids.length === 1 ? t(single) : t(several, { n: ids.length }));

export function close(): void {
  const ids = chosen();
  guess(ids, { status: "closed" });
  leave(ids, "close");
  void tell(ids, "POST", "closure");
  done(many(ids, "Closed", "{n} closed"), () => undo(ids, "closure", { status: "open" }));
}

export function reopen(): void {
  const ids = chosen();
  guess(ids, { status: "open" });
  void tell(ids, "DELETE", "closure");
}

function undo(ids: number[], noun: string, facts: Partial<Facts>): void {
  guess(ids, facts);
  for (const id of ids) list.rowOf(id)?.classList.remove("is-leaving");
  if (ids.length === 1 && ids[0]) void pane.show(ids[0]);
  void tell(ids, "DELETE", noun);
}

// ── assign ──

export async function assign(from?: HTMLElement): Promise<void> {
  const ids = chosen();
  const { agents, me } = await choices();
  const own = agents.filter((agent) => agent.id === me);
  const others = agents.filter((agent) => agent.id !== me);
  const now = pane.main().dataset.assignee;
  const items: Item[] = [...own, ...others].map((agent) => ({
    label: agent.id === me ? t("Me, {name}", { name: agent.name }) : agent.name,
    more: agent.presence === "online" ? t("{n} open", { n: agent.open }) : t(agent.presence || "offline"),
    lead: face(agent, 20),
    checked: String(agent.id) === now,
    run: () => give(ids, agent),
  }));
  items.push({ label: t("Nobody"), lead: icon("x"), checked: !now, run: () => give(ids, null) });
  openMenu({ at: anchor(from, ".owner"), placeholder: t("Assign to"), items });
}

export async function assignToMe(): Promise<void> {
  const { agents, me } = await choices();
  give(chosen(), agents.find((agent) => agent.id === me) ?? null);
}

function give(ids: number[], agent: AgentChoice | null): void {
  const before = new Map(ids.map((id) => [id, ownerOf(id)]));
  guess(ids, { assignee: agent ? asFace(agent) : null });
  painted("assign");
  list.clearPicked();
  void tell(ids, "POST", "assignment", { agent: agent ? String(agent.id) : "" });
  const words = agent ? t("Assigned to {name}", { name: agent.name }) : t("Assigned to nobody");
  done(words, () => {
    for (const [id, owner] of before) void tell([id], "POST", "assignment", { agent: owner });
  });
}

const ownerOf = (id: number): string =>
  (id === pane.openId() ? pane.main().dataset.assignee : list.rowOf(id)?.dataset.assignee) ?? "";

// ── tags ──

export async function tag(from?: HTMLElement): Promise<void> {
  const ids = chosen();
  const known = (await choices()).tags;
  const shown = new Set(ids.includes(pane.openId()) ? pane.tagsShown() : []);
  const item = (name: string): Item => ({
    label: name,
    lead: icon("tag", 14),
    checked: shown.has(name),
    run: () => toggle(ids, name, shown),
  });
  openMenu({
    at: anchor(from, ".chip-add"),
    placeholder: t("Add or remove a tag"),
    items: [...new Set([...shown, ...known])].map(item),
    otherwise: (typed) => (known.includes(typed) ? null : { ...item(typed), label: t("New tag “{name}”", { name: typed }), run: () => toggle(ids, typed, shown) }),
    stays: true,
  });
}

function toggle(ids: number[], name: string, shown: Set<string>): void {
  const removes = shown.delete(name);
  if (!removes) shown.add(name);
  guess(ids, { tags: [...shown] });
  painted("tag");
  if (removes) void tell(ids, "DELETE", `tags/${encodeURIComponent(name)}`);
  else void tell(ids, "POST", "tags", { tag: name });
}

/** A tag that the desk thinks fits becomes one. */
export function takeSuggestion(button: HTMLElement): void {
  const ids = [pane.openId()];
  const name = button.dataset.suggested ?? "";
  button.closest("form")?.remove();
  toggle(ids, name, new Set(pane.tagsShown()));
}

// ── snooze ──

export function snooze(from?: HTMLElement): void {
  const ids = chosen();
  const items = times(new Date()).map(([label, until]) => ({
    label,
    more: new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(until),
    lead: icon("alarm-clock"),
    run: () => putAside(ids, until),
  }));
  openMenu({ at: anchor(from, '.talk-acts [data-command="snooze"]'), placeholder: t("Snooze until: 2h, fri 9:00, 12.11."), items, otherwise: (typed) => typedTime(typed, ids), class: "wide" });
}

function putAside(ids: number[], until: Date): void {
  guess(ids, { status: "snoozed", snoozed_until: until.toISOString() });
  leave(ids, "snooze");
  void tell(ids, "POST", "snooze", { until: until.toISOString() });
  done(many(ids, "Snoozed", "{n} snoozed"), () => undo(ids, "snooze", { status: "open", snoozed_until: null }));
}

export function times(now: Date): [string, Date][] {
  const at = (days: number, hour: number): Date => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const toMonday = (8 - now.getDay()) % 7 || 7;
  const later: [string, Date][] = [[t("In an hour"), new Date(now.getTime() + 3_600_000)]];
  if (now.getHours() < 16) later.push([t("This evening"), at(0, 18)]);
  return [...later, [t("Tomorrow morning"), at(1, 9)], [t("Next Monday"), at(toMonday, 9)], [t("In a week"), at(7, 9)], [t("In a month"), at(30, 9)]];
}

function typedTime(typed: string, ids: number[]): Item | null {
  const until = readTime(typed, new Date());
  if (!until || until.getTime() <= Date.now()) return null;
  const label = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" }).format(until);
  return { label, lead: icon("alarm-clock"), run: () => putAside(ids, until) };
}

const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** "2h", "45m", "3d", "fri", "fri 14:30", "tomorrow 8", "12.11.", "2026-11-12". */
export function readTime(typed: string, now: Date): Date | null {
  const text = typed.trim().toLowerCase();
  const span = text.match(/^(\d{1,3})\s*(m|h|d|w)[a-z]*$/);
  if (span) return new Date(now.getTime() + Number(span[1]) * { m: 60e3, h: 3600e3, d: 864e5, w: 6048e5 }[span[2] as "m" | "h" | "d" | "w"]);
  const clock = text.match(/(?:^|\s)(\d{1,2})(?::(\d{2}))?$/);
  const [hour, minute] = clock ? [Number(clock[1]), Number(clock[2] ?? 0)] : [9, 0];
  const day = dayOf(clock ? text.slice(0, clock.index).trim() : text, now);
  return day && hour < 24 && minute < 60 ? new Date(day.getFullYear(), day.getMonth(), day.getDate(), hour, minute) : null;
}

function dayOf(text: string, now: Date): Date | null {
  const plus = (days: number): Date => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  if (text === "today" || text === "") return plus(0);
  if ("tomorrow".startsWith(text) && text.length > 1) return plus(1);
  const weekday = WEEKDAYS.indexOf(text.slice(0, 3));
  if (weekday >= 0) return plus((weekday - now.getDay() + 7) % 7 || 7);
  const iso = text.match(/^(\d{4})-(\d{2})-(\d{2})$/);
  if (iso) return new Date(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]));
  const dotted = text.match(/^(\d{1,2})\.(\d{1,2})\.?$/);
  if (!dotted) return null;
  const date = new Date(now.getFullYear(), Number(dotted[2]) - 1, Number(dotted[1]));
  return date < now ? new Date(date.getFullYear() + 1, date.getMonth(), date.getDate()) : date;
}

/** Menus stand at what was clicked, else at the button that would have been. */
function anchor(from: HTMLElement | undefined, otherwise: string): Element | null {
  const clicked = from?.closest("[data-command]");
  const button = clicked ?? (list.picked().length ? one(".bulk") : one(otherwise, pane.main()));
  return button?.getBoundingClientRect().width ? button : null;
}

// ── further small acts ──

export async function replay(button: HTMLElement): Promise<void> {
  try {
    take(await act("POST", `/desk/messages/${button.dataset.replay}/replay`));
    say(t("Trying again"));
  } catch (trouble) {
    say((trouble as Error).message, true);
  }
}

/** Let a held message in, or turn it away. */
export async function judge(button: HTMLElement): Promise<void> {
  try {
    take(await act("POST", `/desk/messages/${button.dataset.judge}`));
    say(button.dataset.judge?.endsWith("acceptance") ? t("Let in; they take part now") : t("Turned away"));
  } catch (trouble) {
    say((trouble as Error).message, true);
  }
}

/** A person's yes or no to what the bot has prepared. */
export async function agree(button: HTMLElement): Promise<void> {
  try {
    take(await act("POST", `/desk/conversations/${button.dataset.agree}`));
    button.closest(".agreeing")?.remove();
    say(button.dataset.agree?.endsWith("approval") ? t("Done, and they are told") : t("Declined; tell them why"));
  } catch (trouble) {
    say((trouble as Error).message, true);
  }
}

export async function presence(from?: HTMLElement): Promise<void> {
  const set = (name: string): void => {
    one(".rail-me .presence")?.setAttribute("class", `presence is-${name}`);
    void act("PUT", "/desk/presence", { presence: name }).catch((trouble: Error) => say(trouble.message, true));
  };
  const item = (name: string, label: string, more: string): Item => ({ label, more, lead: h(`i.presence-dot.is-${name}`), run: () => set(name) });
  const rings = document.body.dataset.calls === "on";
  const ring = (): void => {
    document.body.dataset.calls = rings ? "off" : "on";
    void act("PUT", "/desk/presence", { calls: rings ? "off" : "on" }).catch((trouble: Error) => say(trouble.message, true));
  };
  openMenu({
    at: from?.closest("[data-command]") ?? null,
    placeholder: t("Your presence"),
    items: [
      item("online", t("Online"), t("work is given to you")),
      item("away", t("Away"), t("nothing new is given to you")),
      { label: t("Take calls"), more: rings ? t("they ring here") : t("they do not ring here"), checked: rings, lead: icon("phone"), run: ring },
      { label: t("Theme and shortcuts"), lead: icon("settings"), run: () => location.assign("/desk/settings/you") },
      { label: t("Sign out"), lead: icon("log-out"), run: () => void act("DELETE", "/desk/session").finally(() => location.assign("/login")) },
    ],
  });
}
