// The panel: what a visitor sees and does. Frames come in through `hear`, go out through `line` and,
// when they must not get lost, through the outbox in `memory`.

import "./panel.css";
import type { CallSheet } from "./panel/call.ts";
import { Chat, isTurn, type Pending } from "./panel/chat.ts";
import { Composer, type Upload } from "./panel/composer.ts";
import { h, icon, type Shape } from "./panel/dom.ts";
import { Host } from "./panel/host.ts";
import { Line, type LineState } from "./panel/line.ts";
import { Memory, customerIn, newId } from "./panel/memory.ts";
import type { AskRating, FromDesk, Lasting, Rate, Setup, TurnFile, Wait, Welcome } from "./panel/protocol.ts";
import { MailSheet, ratingSheet } from "./panel/sheets.ts";
import { chime } from "./panel/sound.ts";
import { Turns } from "./panel/turns.ts";
import { language, speak, t, when } from "./panel/words.ts";
import { inkOn, type Step, type ToPanel } from "./bridge.ts";

const setup = JSON.parse(document.getElementById("setup")!.textContent) as Setup;
speak(setup.words);

const base = `/widget/${encodeURIComponent(setup.key)}`;
const memory = new Memory(setup.key);
let chat = new Chat();
let user = "";
let page = "";
let open = parent === window;
let greeted = false; // the first welcome is history, not news
let typingOver = 0;
let haveName = () => {};
const named = new Promise<void>((done) => (haveName = done)); // the desk knows this browser by a token
let ga = "", gs = ""; // the website's own analytics know this browser and this visit so
let steps: Step[] = []; // what the visitor did on the page, not told yet
let stuck = true; // the end of the chat is in sight and stays there

// ── what is on the screen ───────────────────────────────────────────────────────────────────

const title = h("h1", {}, setup.title);
const status = h("p", { class: "status" });
const menuButton = tool("more", t("More"), () => showMenu(!!menu.hidden));
const menu = h("div", { class: "menu", id: "menu", hidden: true });
const callButton = tool("phone", t("Call"), () => void speaking().then((sheet) => sheet.dial()));
const head = h("header", {}, h("div", { class: "brand" }, title, status), callButton, menuButton,
  tool("close", t("Close chat"), () => host.tell({ kind: "close" })), menu);
const greeting = h("section", { class: "greeting", "aria-label": t("Begin") });
const log = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": t("Conversation") });
const typing = h("div", { class: "typing", role: "status" });
const scroll = h("main", { tabindex: 0, "aria-label": t("Messages") }, greeting, log, typing);
const below = h("button", { type: "button", class: "below", hidden: true, onclick: () => toEnd() }, icon("arrow", 16), h("span", {}, t("New message")));
const calls = h("div", { class: "calls" });
const network = h("p", { class: "network", role: "status" });
const human = h("div", { class: "human" });
const sheet = h("div", { class: "sheets" });
const composer = new Composer({ say, upload, typing: (on) => line.say({ kind: "typing", on }), draft: (text) => (memory.draft = text) }, setup);
const turns = new Turns(log, { choose: (value) => say(value, []), retry, forget, open: openFile, preview });
const mail = new MailSheet({ claim: (address) => line.say({ kind: "claim_mail", mail: address }), prove: (digits) => line.say({ kind: "code", digits }), close: closeSheet });

const host = new Host(setup.origins, told);
const line = new Line(base, hello, hear, lineChanged);

function begin() {
  const { style } = document.documentElement;
  style.setProperty("--brand", setup.colour);
  style.setProperty("--brand-ink", inkOn(setup.colour));
  menuButton.setAttribute("aria-expanded", "false");
  menuButton.setAttribute("aria-controls", "menu");
  document.body.append(h("div", { class: "panel" }, head, scroll, h("footer", {}, below, calls, network, sheet, human, composer.element)));
  drawGreeting(setup.suggestions);
  restore();
  draw();
  listen();
  if (parent === window) line.open();
}

function listen() {
  addEventListener("keydown", (event) => event.key === "Escape" && escape());
  addEventListener("click", (event) => {
    if (!menu.hidden && !menu.contains(event.target as Node) && !menuButton.contains(event.target as Node)) showMenu(false);
  });
  scroll.addEventListener("scroll", () => { stuck = atEnd(); if (stuck) looked(); }, { passive: true });
  new ResizeObserver(() => { if (stuck) toEnd(); }).observe(scroll);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => { event.preventDefault(); composer.add([...(event.dataTransfer?.files ?? [])]); });
  document.addEventListener("visibilitychange", looked);
  setInterval(resend, 15_000);
}

function tool(shape: Shape, label: string, act: () => void): HTMLButtonElement {
  return h("button", { type: "button", class: "tool", "aria-label": label, title: label, onclick: act }, icon(shape));
}

function draw() {
  const stay = atEnd();
  document.body.classList.toggle("begun", chat.begun);
  greeting.hidden = chat.begun;
  turns.show(chat);
  typing.className = chat.typing ? "typing on" : "typing";
  typing.replaceChildren(...(chat.typing ? [h("span", { class: "unseen" }, t("{name} is typing", { name: chat.typing })), h("i"), h("i"), h("i")] : []));
  drawWait();
  if (stay) follow();
  looked();
}

// To the end, but never past the beginning of an answer that is longer than the window.
function follow() {
  const last = [...log.children].findLast((child) => child.classList.contains("turn")) as HTMLElement | undefined;
  toEnd();
  if (last?.matches(".theirs") && last.offsetHeight > scroll.clientHeight - 40) scroll.scrollTop = last.offsetTop - scroll.offsetTop - 12;
}

function drawGreeting(suggestions: string[]) {
  greeting.replaceChildren(h("h2", { dir: "auto" }, setup.greeting), h("ul", {}, ...suggestions.map((words) => h("li", {}, h("button", { type: "button", onclick: () => { say(words, []); composer.box.focus(); } }, h("span", { dir: "auto" }, words), icon("send", 16))))));
}

function drawWait() {
  const { wait } = chat;
  callButton.hidden = !wait.calls || !navigator.mediaDevices || calls.hasChildNodes();
  status.textContent = wait.agent ? t("You are talking with {name}", { name: wait.agent })
    : setup.assistant && !wait.asked ? t("{name} answers at once", { name: setup.assistant }) : waiting(wait);
  const words = wait.agent ? t("{name} is here for you", { name: wait.agent }) : wait.asked ? t("Waiting for a person") : t("Talk to a person");
  const mood = wait.agent ? "here" : wait.asked ? "asked" : "";
  const inside = [icon("person", 18), h("span", {}, words), h("small", {}, wait.agent ? "" : waiting(wait))];
  const whole = `${mood}${words}${waiting(wait)}`;
  if (human.dataset.whole === whole) return;
  human.dataset.whole = whole;
  const hadFocus = human.contains(document.activeElement);
  human.replaceChildren(mood ? h("p", { class: mood, role: "status" }, ...inside) : h("button", { type: "button", onclick: wantHuman }, ...inside));
  if (hadFocus && mood) composer.box.focus();
}

// Says only what is known; silence rather than a guess.
function waiting(wait: Wait): string {
  if (wait.asked && wait.ahead) return wait.ahead === 1 ? t("1 person before you") : t("{count} people before you", { count: wait.ahead });
  if (wait.online && wait.minutes != null) return wait.minutes < 2 ? t("about a minute") : t("about {count} min", { count: wait.minutes });
  if (wait.online) return t("somebody is here");
  if (wait.back_at) return t("back {time}", { time: when(new Date(wait.back_at)) });
  return t("away, we answer later");
}

// ── what the visitor does ───────────────────────────────────────────────────────────────────

function say(text: string, files: Upload[]) {
  const refs = files.map((file) => file.ref!);
  lasting({ kind: "say", client_id: newId(), text, page, ...(refs.length ? { files: refs } : {}) }, files);
}

function wantHuman() {
  const text = t("I would like to talk to a person.");
  chat.wait = { ...chat.wait, asked: true };
  lasting({ kind: "want_human", client_id: newId(), text, page }, []);
}

function lasting(frame: Lasting, files: Upload[] = []) {
  memory.keep(frame);
  if (isTurn(frame)) {
    chat.pending.push({ frame, files, at: new Date() });
    chat.ended = false;
    draw();
    toEnd();
  }
  if (line.say(frame)) return;
  if (line.state === "offline") lineChanged("offline");
}

function retry(one: Pending) {
  chat.settle(one.frame.client_id);
  delete one.trouble;
  lasting(one.frame, one.files);
}

function forget(one: Pending) {
  memory.drop(one.frame.client_id);
  chat.settle(one.frame.client_id);
  draw();
}

// Everything still in the outbox goes again, under the same ids; the desk knows them.
function resend() {
  for (const frame of memory.outbox) line.say(frame);
}

function rate(score: number, comment: string) {
  lasting({ kind: "rate", client_id: newId(), token: chat.rating!.token, question: chat.rating!.asked ?? "", score, comment });
  chat.rated = true;
  closeSheet();
  notice(t("Thank you. Your rating is on its way."));
}

function showMenu(show: boolean) {
  menu.hidden = !show;
  menuButton.setAttribute("aria-expanded", `${show}`);
  if (!show) return;
  menu.replaceChildren(
    ...(chat.turns.length ? [entry("mail", chat.proved ? t("By mail at {mail}", { mail: chat.proved }) : t("Go on by mail"), byMail)] : []),
    ...(chat.turns.length && chat.elsewhere ? [entry("arrow", t("Go on elsewhere"), () => line.say({ kind: "elsewhere", words: t("I go on here with my chat.") }))] : []),
    entry(memory.quiet ? "mute" : "sound", memory.quiet ? t("Sound is off") : t("Sound is on"), () => (memory.quiet = !memory.quiet)),
    ...(chat.begun && !chat.ended ? [entry("flag", t("End chat and rate"), endChat)] : []),
    ...(setup.privacy ? [h("a", { href: setup.privacy, target: "_blank", rel: "noopener" }, icon("lock"), h("span", {}, t("Privacy")))] : []));
  menu.querySelector<HTMLElement>("button")!.focus();
}

function entry(shape: Shape, words: string, act: () => void): HTMLElement {
  return h("button", { type: "button", onclick: () => { showMenu(false); menuButton.focus(); act(); } }, icon(shape), h("span", {}, words));
}

function endChat() {
  if (!line.say({ kind: "end" })) notice(t("You are offline. Try again when you are back online."));
}

function byMail() {
  sheet.replaceChildren(mail.element);
  if (chat.proved) mail.proved(chat.proved);
  else mail.ask();
}

function askRating() {
  if (!chat.rating || chat.rated || sheet.firstChild) return;
  sheet.replaceChildren(ratingSheet(chat.rating, rate, () => { chat.rated = true; closeSheet(); }));
}

function askedTo(frame: AskRating) {
  if (chat.rated && chat.rating?.asked === frame.asked && chat.rating?.token === frame.token) return;
  chat.rating = frame;
  chat.rated = false;
  askRating();
}

function closeSheet() {
  sheet.replaceChildren();
  composer.box.focus();
}

function escape() {
  if (!menu.hidden) { showMenu(false); menuButton.focus(); }
  else if (sheet.firstChild) closeSheet();
  else host.tell({ kind: "close" });
}

function notice(words: string) {
  network.textContent = words;
  setTimeout(() => { if (network.textContent === words) network.textContent = ""; }, 5000);
}

// ── speaking ────────────────────────────────────────────────────────────────────────────────

let phone: Promise<CallSheet> | undefined;
let heard = 0; // the newest signal of a call

// What a call needs is loaded with the first one.
function speaking(): Promise<CallSheet> {
  phone ??= import("./panel/call.ts").then(({ CallSheet }) => new CallSheet(calls, {
    say: (frame) => line.say(frame),
    rings: () => host.tell({ kind: "ring" }),
    changed: drawWait,
  }));
  return phone;
}

// ── what the desk says ──────────────────────────────────────────────────────────────────────

function hello() {
  return { kind: "hello" as const, key: setup.key, after: chat.cursor, page, language: language(), heard, zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(memory.token ? { visitor: memory.token } : {}), ...(user ? { user } : {}) };
}

function hear(frame: FromDesk) {
  if (frame.kind === "beat") return;
  if (frame.kind === "welcome") return welcomed(frame);
  if (frame.kind === "turn") { if (settled(frame.client_id, chat.take(frame))) news(frame.author.kind); }
  else if (frame.kind === "state") chat.state(frame.message, frame.state);
  else if (frame.kind === "wait") chat.wait = frame;
  else if (frame.kind === "typing") nowTyping(frame.on === false ? "" : frame.who || t("Somebody"));
  else if (frame.kind === "on_call") { if (phone || frame.state === "incoming") void speaking().then((sheet) => sheet.take(frame)); }
  else if (frame.kind === "signal") { heard = frame.seq ?? 0; void phone?.then((sheet) => sheet.heard(frame)); }
  else if (frame.kind === "onward") void import("./panel/onward.ts").then(({ waysSheet }) => {
    sheet.replaceChildren(waysSheet(frame, closeSheet));
    sheet.querySelector<HTMLElement>("a, button")!.focus();
  });
  else if (frame.kind === "code_sent") mail.sent(frame.mail);
  else if (frame.kind === "proved") { chat.proved = frame.mail; mail.proved(frame.mail); }
  else if (frame.kind === "rejected") rejected(frame.of, frame.sentence, frame.client_id, frame.again);
  else if (frame.kind === "ask_rating") askedTo(frame);
  else if (frame.kind === "ended") chat.ended = true;
  else if (frame.kind === "thanks") { dropRatings(); notice(t("Thank you for your rating.")); }
  draw();
}

function welcomed(frame: Welcome) {
  memory.token = frame.visitor;
  haveName();
  chat.seen = Math.max(chat.seen, frame.seen ?? 0);
  chat.wait = frame.wait ?? { kind: "wait" };
  chat.proved = frame.proved ?? "";
  chat.ended = frame.ended ?? false;
  chat.elsewhere = frame.elsewhere ?? false;
  const fresh = (frame.turns ?? []).filter((turn) => settled(turn.client_id, chat.take(turn)));
  chat.cursor = Math.max(chat.cursor, frame.seq);
  if (greeted) fresh.forEach((turn) => news(turn.author.kind));
  if (frame.suggestions?.length) drawGreeting(frame.suggestions);
  if (frame.rating) { chat.rating = frame.rating; askRating(); }
  draw();
  if (!greeted) toEnd();
  greeted = true;
  arrive();
  setTimeout(() => log.setAttribute("aria-live", "polite"), 500);
  resend();
}

// Whoever came by a link shows its code once; the address bar forgets it.
function arrive() {
  const code = new URLSearchParams(location.hash.slice(1));
  if (!code.has("go")) return;
  history.replaceState(null, "", location.pathname + location.search);
  line.say({ kind: "enter", code: code.get("go")! });
  if (code.has("call")) void speaking().then((sheet) => sheet.invite());
}

function settled(client_id: string | undefined, isNews: boolean): boolean {
  if (client_id) memory.drop(client_id);
  return isNews;
}

function news(kind: string) {
  if (kind === "visitor" || kind === "system") return;
  if (!open || document.hidden) line.say({ kind: "got", seq: chat.cursor });
  if (!atEnd()) below.hidden = false;
  if (!memory.quiet && (!open || document.hidden)) chime();
}

function nowTyping(who: string) {
  chat.typing = who;
  clearTimeout(typingOver);
  if (who) typingOver = setTimeout(() => { chat.typing = ""; draw(); }, 6000);
}

function rejected(of: string, english: string, client_id?: string, again?: boolean) {
  const sentence = t(english);
  if (of === "claim_mail" || of === "code") return mail.refused(sentence);
  if (of === "dial") void phone?.then((sheet) => sheet.refused());
  if (again || !client_id) return notice(sentence);
  memory.drop(client_id);
  chat.refuse(client_id, sentence);
  if (of === "want_human") chat.wait = { ...chat.wait, asked: false };
  if (of === "rate") notice(sentence);
}

function dropRatings() {
  for (const frame of memory.outbox.filter((one): one is Rate => one.kind === "rate")) memory.drop(frame.client_id);
}

function lineChanged(state: LineState) {
  const unsent = memory.outbox.length > 0;
  network.textContent = state === "offline"
    ? unsent ? t("You are offline. Your message is kept and sent when you are back.") : t("You are offline.")
    : "";
}

// ── files ───────────────────────────────────────────────────────────────────────────────────

async function upload(file: File): Promise<string> {
  await named;
  const answer = await fetch(`${base}/files`, { method: "POST", headers: { ...bearer(), "x-file-name": encodeURIComponent(file.name), "content-type": file.type || "application/octet-stream" }, body: file })
    .catch(() => { throw new Error(t("“{name}” could not be uploaded. Attach it again when you are back online.", { name: file.name })); });
  const told = (await answer.json()) as { ref?: string; detail?: string };
  if (!answer.ok || !told.ref) throw new Error(told.detail ? t(told.detail) : t("“{name}” could not be uploaded.", { name: file.name }));
  return told.ref;
}

const previews = new Map<string, Promise<string>>();

function preview(file: TurnFile): Promise<string> {
  const known = previews.get(file.ref) ?? fetched(file);
  previews.set(file.ref, known);
  return known;
}

async function fetched(file: TurnFile): Promise<string> {
  const answer = await fetch(`${base}/files/${encodeURIComponent(file.ref)}`, { headers: bearer() });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return URL.createObjectURL(await answer.blob());
}

async function openFile(file: TurnFile) {
  const link = h("a", { href: await preview(file), download: file.name });
  link.click();
}

function bearer(): Record<string, string> {
  return memory.token ? { authorization: `Bearer ${memory.token}` } : {};
}

// ── what the page around us says ────────────────────────────────────────────────────────────

function told(message: ToPanel) {
  if (message.kind === "hi") {
    ({ user, page } = message);
    memory.signedInAs(customerIn(user));
    restore();
    shown(message.open, message.open);
    line.open();
  } else if (message.kind === "open") shown(true, true);
  else if (message.kind === "close") shown(false, false);
  else if (message.kind === "page") page = message.page;
  else if (message.kind === "steps") { ({ steps, ga, gs } = message); setTimeout(tellSteps, 2000); }
  else if (message.kind === "user") signedIn(message.user);
}

function shown(isOpen: boolean, focus: boolean) {
  open = isOpen;
  if (focus) composer.box.focus();
  if (open) { draw(); toEnd(); }
}

function signedIn(token: string) {
  user = token;
  if (!memory.signedInAs(customerIn(token))) return;
  chat = new Chat();
  greeted = false;
  closeSheet();
  restore();
  draw();
  line.again();
}

// What was typed and what was not yet sent come back after a reload.
function restore() {
  composer.text = memory.draft;
  chat.pending = memory.outbox.filter(isTurn).map((frame) => ({ frame, files: [], at: new Date() }));
}

// Of visitors who say nothing the desk is told nothing.
function tellSteps() {
  if (!chat.turns.length || !steps.length) return;
  const now = Date.now();
  const told = steps.slice(-40).map((step) => ({ name: step.name, page: step.page, ago: (now - step.at) / 1000 }));
  if (!line.say({ kind: "visited", client_id: newId(), steps: told, ga, gs })) return;
  host.tell({ kind: "took", last: steps.at(-1)!.at });
  steps = [];
}

// ── where the visitor looks ─────────────────────────────────────────────────────────────────

function atEnd(): boolean {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
}

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  below.hidden = true;
}

function looked() {
  const last = chat.turns.at(-1)?.seq ?? 0;
  if (open && !document.hidden && atEnd()) {
    below.hidden = true;
    if (last > chat.seen && line.say({ kind: "seen", seq: last })) chat.seen = last;
  }
  host.tell({ kind: "unread", count: open ? 0 : chat.unread });
  if (chat.begun) host.tell({ kind: "active" });
  tellSteps();
}

begin();
