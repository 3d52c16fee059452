// Calls at the desk: one rings at every agent who takes calls, one of them picks up. The sound is in shared/voice.ts,
// which is loaded when the first call comes.

import { h, icon, one } from "../shared/dom.ts";
import { act, Trouble } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import type { Voice } from "../shared/voice.ts";
import * as list from "./list.ts";
import * as pane from "./pane.ts";
import { say } from "./toasts.ts";

export interface CallChange {
  kind: "call";
  call: string;
  state: "ringing" | "taken" | "spoken" | "ended";
  outgoing: boolean;
  agent: number | null;
  conversation: number | null;
  who: string;
  cause: string;
  declined: number[];
  ice?: RTCIceServer[];
  phone?: boolean;
}
export interface SignalChange { kind: "signal"; call: string; seq: number; data: string }

interface Held { data: CallChange; mic: MediaStream; voice?: Voice; begun: number; words: string; early: SignalChange[]; said: Promise<unknown> }

const SIGN_OF_LIFE = 20_000;
const ringing = new Map<string, CallChange>();
let held: Held | null = null;
let quiet: () => void = () => undefined;
let rings = false;
let clock = 0;
let life = 0;

const load = (): Promise<typeof import("../shared/voice.ts")> => import("../shared/voice.ts");
const me = (): number => Number(document.body.dataset.me);
const path = (call: string, noun = ""): string => `/desk/calls/${call}${noun && `/${noun}`}`;
const first = (): CallChange | undefined => [...ringing.values()][0];

export const isRinging = (): boolean => ringing.size > 0;
export const isOn = (): boolean => held !== null;
export const canCall = (): boolean => !held && pane.openId() > 0 && Boolean(one("[data-command=call]", pane.main()));

export function listen(): void {
  addEventListener("pagehide", () => held && leave());
  addEventListener("beforeunload", (event) => held && event.preventDefault());
}

/** How a call stands, from the live stream. */
export function take(change: CallChange): void {
  if (held?.data.call === change.call) return follow(change);
  const rings = change.state === "ringing" && !change.outgoing && !change.declined.includes(me());
  if (rings && document.body.dataset.calls === "on") ringing.set(change.call, change);
  else ringing.delete(change.call);
  draw();
}

/** What the customer's browser said. */
export function heard(signal: SignalChange): void {
  if (held?.data.call !== signal.call) return;
  if (held.voice) held.voice.take(signal.seq, signal.data);
  else held.early.push(signal);
}

// ── taking and beginning ──

export async function accept(call = first()?.call): Promise<void> {
  const data = call && ringing.get(call);
  if (data && data.phone) return putThrough(data);
  const mic = data && !held ? await listenIn() : null;
  if (!data || !mic) return;
  try {
    const taken = (await act("POST", path(data.call, "acceptance"))) as unknown as CallChange;
    hold({ ...data, ...taken, who: taken.who || data.who, conversation: taken.conversation ?? data.conversation }, mic);
    void connect();
    show();
  } catch (trouble) {
    release(mic);
    say(trouble instanceof Trouble ? trouble.message : String(trouble), true);
  }
}

/** Whoever is on the telephone is put through to the agent's own phone; the sound never comes here. */
async function putThrough(data: CallChange): Promise<void> {
  try {
    await act("POST", path(data.call, "acceptance"));
    ringing.delete(data.call);
    say(t("Your phone rings. Pick up to speak with {who}.", { who: data.who || t("A visitor") }));
    if (data.conversation && list.hasList() && pane.openId() !== data.conversation) void pane.show(data.conversation);
  } catch (trouble) {
    say(trouble instanceof Trouble ? trouble.message : String(trouble), true);
  }
  draw();
}

export function decline(call = first()?.call): void {
  if (!call) return;
  ringing.delete(call);
  draw();
  void act("POST", path(call, "refusal")).catch(() => undefined);
}

/** Let it ring in the customer's chat. */
export async function callOut(): Promise<void> {
  const conversation = pane.openId();
  const who = pane.main().dataset.person ?? "";
  const mic = await listenIn();
  if (!mic) return;
  try {
    const made = (await act("POST", `/desk/conversations/${conversation}/calls`)) as unknown as CallChange;
    hold({ ...made, who, conversation }, mic);
  } catch (trouble) {
    release(mic);
    say((trouble as Error).message, true);
  }
}

async function listenIn(): Promise<MediaStream | null> {
  try {
    return await (await load()).microphone();
  } catch {
    say(t("The microphone cannot be used. Allow it for this page, and see that one is plugged in."), true);
    return null;
  }
}

function hold(data: CallChange, mic: MediaStream): void {
  ringing.delete(data.call);
  held = { data, mic, begun: 0, words: data.state === "ringing" ? t("Ringing") : t("Connecting"), early: [], said: Promise.resolve() };
  draw();
}

/** Open the customer's conversation beside the call. */
function show(): void {
  const number = held?.data.conversation;
  if (number && list.hasList() && pane.openId() !== number) void pane.show(number);
}

// ── speaking ──

async function connect(): Promise<void> {
  const { Voice } = await load();
  const mine = held;
  if (!mine || mine.voice) return;
  mine.voice = new Voice(mine.mic, mine.data.ice ?? [], {
    send: (data) => void (mine.said = mine.said.then(() => act("POST", path(mine.data.call, "signals"), { data })).catch(() => undefined)),
    connected: () => speaking(mine),
    shaken: () => tell(mine, t("The connection is shaky")),
    lost: () => hangUp(t("The connection was lost")),
  });
  await mine.voice.offer();
  for (const signal of mine.early.splice(0)) mine.voice.take(signal.seq, signal.data);
}

function speaking(mine: Held): void {
  tell(mine, "");
  if (mine.begun) return;
  mine.begun = Date.now();
  void act("POST", path(mine.data.call, "connection")).catch(() => undefined);
  life = window.setInterval(() => void act("POST", path(mine.data.call, "presence")).catch(() => undefined), SIGN_OF_LIFE);
  clock = window.setInterval(tick, 100);
  draw();
}

function tell(mine: Held, words: string): void {
  mine.words = words;
  const place = one(".call-state");
  if (place && words) place.textContent = words;
}

async function tick(): Promise<void> {
  if (!held?.voice) return;
  const { clockOf } = await load();
  const place = one<HTMLElement>(".call-time");
  const time = clockOf((Date.now() - held.begun) / 1000);
  if (place && place.textContent !== time) place.textContent = time;
  const meter = one<HTMLMeterElement>(".call-level");
  if (meter) meter.value = held.voice.level;
}

function follow(change: CallChange): void {
  if (!held) return;
  held.data = { ...change, ice: held.data.ice, who: change.who || held.data.who };
  if (change.state === "ended") return over(ending(change));
  if (change.state === "taken" && change.outgoing && !held.voice) {
    held.words = t("Connecting");
    void connect();
  }
  draw();
}

function ending(change: CallChange): string {
  if (held?.begun) return t("The call is over");
  if (change.outgoing) return change.cause === "busy" ? t("They declined the call") : t("Nobody answered");
  return change.cause === "cancel" ? t("They hung up") : t("No connection could be made");
}

export function mute(): void {
  if (!held?.voice) return;
  held.voice.muted = !held.voice.muted;
  draw();
}

export function hangUp(words = t("The call is over")): void {
  if (!held) return;
  void act("DELETE", path(held.data.call)).catch(() => undefined);
  over(words);
}

/** The page goes away: what is said now must still arrive. */
function leave(): void {
  const csrf = one<HTMLMetaElement>('meta[name="csrf"]')?.content ?? "";
  void fetch(path(held!.data.call), { method: "DELETE", keepalive: true, headers: { "x-csrf-token": csrf } });
}

function over(words: string): void {
  if (held?.voice) held.voice.end();
  else if (held) release(held.mic);
  clearInterval(clock);
  clearInterval(life);
  held = null;
  draw();
  say(words);
}

function release(mic: MediaStream): void {
  for (const track of mic.getTracks()) track.stop();
}

// ── cards ──

function draw(): void {
  sound();
  const place = one(".calls") ?? document.body.appendChild(h("section.calls", { "aria-label": t("Calls") }));
  const before = (document.activeElement as HTMLElement | null)?.dataset.act;
  place.replaceChildren(...(held ? [onCall(held)] : []), ...[...ringing.values()].map(incoming));
  if (before) one(`[data-act="${before}"]`, place)?.focus();
  else if (!held && ringing.size && document.activeElement === document.body) one('[data-act="accept"]', place)?.focus();
}

function sound(): void {
  const wanted = ringing.size > 0 && !held;
  if (wanted === rings) return;
  rings = wanted;
  quiet();
  quiet = () => undefined;
  // Of several open pages one rings.
  if (rings) void navigator.locks?.request("parley-ring", { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    const { ring } = await load();
    if (!rings) return;
    const stop = ring();
    await new Promise<void>((done) => (quiet = () => (stop(), done())));
  });
}

function incoming(data: CallChange): HTMLElement {
  const title = h("b.call-who", { id: `call-${data.call}` }, data.who || t("A visitor"));
  return h("div.call.is-ringing", { role: "alertdialog", "aria-labelledby": `call-${data.call}`, "aria-describedby": `rings-${data.call}` },
    icon("phone-call", 20), h("div.call-lines", {}, title, h("span.call-state", { id: `rings-${data.call}`, role: "status" }, data.phone ? t("waits on the telephone") : t("calls from the chat"))),
    h("div.call-acts", {}, button("accept", "phone", t("Accept"), "button primary", () => void accept(data.call)),
      button("decline", "phone-off", t("Decline"), "button", () => decline(data.call))));
}

function onCall(mine: Held): HTMLElement {
  const { data, voice, begun, words } = mine;
  const muted = Boolean(voice?.muted);
  const who = data.conversation ? h("a.call-who", { href: `/desk/conversations/${data.conversation}` }, data.who || t("A visitor")) : h("b.call-who", {}, data.who || t("A visitor"));
  who.addEventListener("click", (event) => list.hasList() && (event.preventDefault(), show()));
  const state = begun ? [h("span.call-time", { role: "timer" }), h("meter.call-level", { min: "0", max: "0.5", "aria-label": t("Their voice") })] : [];
  return h("article.call", { "aria-label": t("Call with {who}", { who: data.who }) }, icon("phone-call", 20),
    h("div.call-lines", {}, who, h("span.call-state", { role: "status" }, words || t("On the phone")), ...state),
    h("div.call-acts", {}, begun ? button("mute", muted ? "mic-off" : "mic", muted ? t("Unmute") : t("Mute"), "button", mute, muted) : null,
      button("hang-up", "phone-off", t("Hang up"), "button danger", () => hangUp())));
}

function button(name: string, glyph: string, label: string, look: string, run: () => void, pressed?: boolean): HTMLElement {
  const made = h(`button.${look.replaceAll(" ", ".")}`, { type: "button", "data-act": name, ...(pressed === undefined ? {} : { "aria-pressed": String(pressed) }) }, icon(glyph, 16), h("span", {}, label));
  made.addEventListener("click", run);
  return made;
}
