// Where answers are written: optimistic sending, drafts, files, prepared answers, notes.

import { all, face, h, icon, one, parse } from "../shared/dom.ts";
import { act, Trouble, type Change } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import { close, readTime, take, times } from "./acts.ts";
import { told } from "./assist.ts";
import { choices, type Macro } from "./choices.ts";
import * as copies from "./copies.ts";
import { painted } from "./marks.ts";
import { openMenu, type Item } from "./menus.ts";
import * as pane from "./pane.ts";
import * as pictures from "./pictures.ts";
import { writing } from "./presence.ts";
import { done, say } from "./toasts.ts";
import * as tone from "./tone.ts";

type Mode = "reply" | "note";
interface Unsent { conversation: number; url: string; form: FormData; turn: HTMLElement }
interface Draft { reply: string; note: string; mode: Mode }

const drafts = new Map<number, Draft>();
const unsent = new Map<string, Unsent>();
const files = new Map<number, File[]>();
/** What went along with an answer that can still be taken back. */
const along = new Map<string, { copies: copies.Copies; files: File[] }>();
const TAKEN_BACK = 8; // answers of which that is remembered: files are large
let draftTimer = 0;
/** r or n pressed before the conversation had come. */
let asked: Mode | null = null;
/** What was typed since then. */
let early = "";

const form = (): HTMLFormElement | null => one<HTMLFormElement>("form.composer", pane.main());
const area = (within = form()): HTMLTextAreaElement | null => (within ? one<HTMLTextAreaElement>("textarea", within) : null);
const mode = (within: HTMLFormElement): Mode => (new FormData(within).get("mode") === "note" ? "note" : "reply");
export const canWrite = (): boolean => Boolean(form()) || pane.main().hasAttribute("aria-busy");

export function listen(): void {
  document.addEventListener("submit", submitted);
  document.addEventListener("input", typed);
  document.addEventListener("change", changed);
  document.addEventListener("keydown", pressed);
  document.addEventListener("paste", pasted);
  document.addEventListener("dragover", (event) => hover(event, true));
  document.addEventListener("dragleave", (event) => hover(event, false));
  document.addEventListener("drop", dropped);
  pane.onOpen(restore);
  pane.onLeave(leave);
  addEventListener("pagehide", () => saveDraft(pane.openId()));
}

/** Put the caret where one writes, as a reply or as a note. */
export function write(wanted: Mode): void {
  const here = form();
  if (!here) return void (asked = pane.main().hasAttribute("aria-busy") ? wanted : null);
  setMode(here, wanted);
  const box = area(here);
  box?.focus();
  box?.setSelectionRange(box.value.length, box.value.length);
  painted("write");
}

/** Words for the answer, below what stands there. */
export function addWords(words: string): void {
  write("reply");
  const box = area();
  if (!box) return;
  put(box, box.value.trim() ? `\n${words}` : words, box.value.length);
}

function setMode(here: HTMLFormElement, wanted: Mode): void {
  const draft = draftOf(pane.openId(), here);
  const box = area(here);
  const radio = one<HTMLInputElement>(`[name=mode][value=${wanted}]`, here);
  if (!box || !radio) return;
  radio.checked = true;
  if (draft.mode !== wanted) {
    draft[draft.mode] = box.value;
    draft.mode = wanted;
    box.value = draft[wanted];
  }
  box.placeholder = (wanted === "note" ? box.dataset.notePlaceholder : box.dataset.replyPlaceholder) ?? "";
}

// ── drafts ──

function draftOf(id: number, here: HTMLFormElement): Draft {
  const known = drafts.get(id);
  if (known) return known;
  const fresh: Draft = { reply: here.dataset.draft ?? "", note: here.dataset.draftNote ?? "", mode: "reply" };
  drafts.set(id, fresh);
  return fresh;
}

function restore(id: number): void {
  const here = form();
  const box = area(here);
  if (!here || !box) return;
  const draft = draftOf(id, here);
  const radio = one<HTMLInputElement>(`[name=mode][value=${draft.mode}]`, here);
  if (radio) radio.checked = true;
  box.value = draft[draft.mode];
  box.placeholder = (draft.mode === "note" ? box.dataset.notePlaceholder : box.dataset.replyPlaceholder) ?? "";
  showFiles(here);
  copies.restore(id, here);
  if (asked) write(asked);
  if (asked && early) put(box, early, box.value.length);
  asked = null;
  early = "";
}

/** Whoever pressed r writes on while the conversation comes: their letters are words, not commands. */
export function typedAhead(event: KeyboardEvent): boolean {
  if (!asked || form() || event.metaKey || event.ctrlKey || event.altKey) return false;
  if (event.key === "Escape") asked = null, early = "";
  else if (event.key === "Backspace") early = early.slice(0, -1);
  else if (event.key === "Enter") early += "\n";
  else if (event.key.length === 1) early += event.key;
  else return false;
  return true;
}

function leave(id: number): void {
  clearTimeout(draftTimer);
  asked = null;
  early = "";
  saveDraft(id);
}

function typed(event: Event): void {
  const box = event.target as HTMLElement;
  const here = form();
  const id = pane.openId();
  if (here && box.closest(".copies")) copies.keep(id, here);
  if (!here || box !== area(here)) return;
  draftOf(id, here)[mode(here)] = area(here)?.value ?? "";
  writing(id, mode(here) === "note" ? "noting" : "writing");
  clearTimeout(draftTimer);
  draftTimer = window.setTimeout(() => saveDraft(id), 800);
  offer(here);
}

const saved = new Map<number, string>();

function saveDraft(id: number): void {
  const draft = drafts.get(id);
  if (!draft) return;
  const content = JSON.stringify([draft.reply, draft.note]);
  if ((saved.get(id) ?? '["",""]') === content) return;
  saved.set(id, content);
  void act("PUT", `/desk/conversations/${id}/draft`, { text: draft.reply, note: draft.note }).then(
    () => state(id, t("Draft saved")),
    () => {
      saved.delete(id);
      state(id, t("Draft kept here only"));
    },
  );
}

function state(id: number, words: string): void {
  const place = form() && one(".draft-state", form() as HTMLFormElement);
  if (!place || pane.openId() !== id) return;
  place.textContent = words;
  setTimeout(() => place.textContent === words && (place.textContent = ""), 2000);
}

// ── sending ──

function submitted(event: SubmitEvent): void {
  const target = event.target as HTMLFormElement;
  if (target.matches(".closing")) {
    event.preventDefault();
    return close();
  }
  if (target !== form()) return;
  event.preventDefault();
  send((event.submitter as HTMLButtonElement | null)?.value === "close");
}

interface Later { due: Date; unless?: boolean }

/** The same times as for snoozing, and two that a customer's word calls off. */
export function sendLater(from?: HTMLElement): void {
  if (mode(form() as HTMLFormElement) === "note") return void say(t("A note is seen at once; only answers can wait."), true);
  const pick = (label: string, due: Date, unless = false): Item => ({
    label,
    more: new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(due),
    lead: icon(unless ? "message-circle" : "alarm-clock"),
    run: () => send(false, { due, unless }),
  });
  const days = (n: number): Date => new Date(Date.now() + n * 864e5);
  openMenu({
    at: from ?? form(),
    placeholder: t("Send at: 2h, fri 9:00, 12.11."),
    items: [
      ...times(new Date()).map(([label, due]) => pick(label, due)),
      pick(t("In three days, unless they write"), days(3), true),
      pick(t("In a week, unless they write"), days(7), true),
    ],
    otherwise: (typed) => {
      const due = readTime(typed, new Date());
      return due && due.getTime() > Date.now() ? pick(t("Send then"), due) : null;
    },
    class: "wide",
  });
}

/** Stop an answer that has not gone; its words come back into the composer. */
export async function takeBack(where: string): Promise<void> {
  const id = Number(where.split("/")[0]);
  const client = one(`[data-cancel="${where}"]`)?.closest<HTMLElement>("[data-client]")?.dataset.client ?? "";
  try {
    take(await act("POST", `/desk/conversations/${where}/cancellation`));
  } catch (trouble) {
    return void say((trouble as Error).message, true);
  }
  drafts.delete(id);
  saved.delete(id);
  const went = along.get(client);
  along.delete(client);
  if (went) files.set(id, went.files);
  pane.forget(id);
  pane.main().dataset.id = pane.openId() === id ? "" : (pane.main().dataset.id ?? "");
  await pane.show(id);
  const here = form();
  if (went && here && pane.openId() === id) copies.fill(here, went.copies), copies.keep(id, here);
  say(t("Taken back; the words are in the composer"));
}

/** Sending can be taken back for some seconds where the server holds it. */
function offerUndo(change: Change | null, client: string): void {
  const holder = change?.turns ? parse(change.turns).querySelector<HTMLElement>(`[data-client="${client}"] [data-cancel]`) : null;
  const where = holder?.dataset.cancel;
  if (where) done(t("Sent"), () => void takeBack(where));
}

export function send(thenClose = false, later?: Later): void {
  const here = form();
  const box = area(here);
  const id = pane.openId();
  if (!here || !box) return;
  const added = files.get(id) ?? [];
  if (!box.value.trim() && !added.length) return box.focus();
  const kind = mode(here);
  if (kind === "reply" && !new FormData(here).get("via")) return void say(t("No channel reaches this person right now. Write a note instead."), true);
  const bad = kind === "reply" ? copies.wrong(here) : "";
  if (bad) return void (say(t("“{address}” is not a mail address.", { address: bad }), true), copies.add(here));
  if (kind === "reply" && !tone.passes(here, box, () => send(thenClose, later))) return;
  const body = new FormData(here);
  body.delete("files");
  for (const file of added) body.append("files", file, file.name);
  const client = crypto.randomUUID();
  body.set("client_id", client);
  body.set("text", box.value);
  if (thenClose) body.set("then", "close");
  body.set("hold", "1");
  if (later) body.set("due", later.due.toISOString());
  if (later?.unless) body.set("unless", "1");
  if (kind === "reply") told(body);
  body.set("seen", pane.main().dataset.seq ?? "");
  if (kind === "reply") remember(client, { copies: copies.read(here), files: added });
  const turn = blank(kind, box.value, added, here, client);
  unsent.set(client, { conversation: id, url: `/desk/conversations/${id}/${kind === "note" ? "notes" : "replies"}`, form: body, turn });
  box.value = "";
  draftOf(id, here)[kind] = "";
  saved.set(id, JSON.stringify([drafts.get(id)?.reply ?? "", drafts.get(id)?.note ?? ""]));
  files.delete(id);
  if (kind === "reply") copies.sent(id, here);
  showFiles(here);
  pane.append(turn, true);
  painted("send");
  void deliver(client);
  if (thenClose) close();
}

function remember(client: string, what: { copies: copies.Copies; files: File[] }): void {
  along.set(client, what);
  if (along.size > TAKEN_BACK) along.delete(along.keys().next().value as string);
}

async function deliver(client: string): Promise<void> {
  const waiting = unsent.get(client);
  if (!waiting) return;
  try {
    const change = await act("POST", waiting.url, waiting.form);
    unsent.delete(client);
    take(change);
    offerUndo(change, client);
  } catch (trouble) {
    failed(client, trouble instanceof Trouble ? trouble.message : String(trouble));
  }
}

/** The words stay on the screen with the reason and a button; the same client id makes a resend harmless. */
function failed(client: string, reason: string): void {
  const waiting = unsent.get(client);
  if (!waiting) return;
  if (pane.openId() !== waiting.conversation) say(t("A message was not sent: {reason}", { reason }), true);
  const line = one(".state", waiting.turn);
  const blankLine = one<HTMLTemplateElement>("#blank-failed")?.content.cloneNode(true) as DocumentFragment | undefined;
  if (!line || !blankLine) return;
  waiting.turn.classList.replace("is-queued", "is-failed");
  line.dataset.state = "failed";
  line.replaceChildren(blankLine);
  const words = one(".reason", line);
  if (words) words.textContent = reason;
  one("[data-resend]", line)?.addEventListener("click", () => resend(client));
  pane.toLatest();
}

function resend(client: string): void {
  const turn = unsent.get(client)?.turn;
  const line = turn && one(".state", turn);
  if (!turn || !line) return;
  unsent.get(client)?.form.delete("seen"); // whoever tries again has read why
  turn.classList.replace("is-failed", "is-queued");
  line.dataset.state = "queued";
  line.replaceChildren(icon("clock", 12), h("span", {}, t("Sending")));
  void deliver(client);
}

function blank(kind: Mode, text: string, added: File[], here: HTMLFormElement, client: string): HTMLElement {
  const source = one<HTMLTemplateElement>(kind === "note" ? "#blank-note" : "#blank-us");
  const turn = source?.content.firstElementChild?.cloneNode(true) as HTMLElement;
  turn.dataset.client = client;
  const words = one(".words", turn);
  words?.replaceChildren(...text.trim().split(/\n\s*\n/).map((part) => h("p", {}, ...lines(part))));
  const via = one<HTMLInputElement>("[name=via]:checked", here);
  if (via) one(".turn-via", turn)?.replaceChildren(icon(via.dataset.glyph ?? "send", 14), h("span", {}, via.dataset.label ?? ""));
  if (kind === "reply") one(".bubble", turn)?.prepend(...copies.told(here).map((line) => h("p.turn-cc", {}, line)));
  const time = one<HTMLTimeElement>("time", turn);
  if (time) {
    time.dateTime = new Date().toISOString();
    time.textContent = t("now");
  }
  const list = one(".files", turn);
  if (list && added.length) {
    list.hidden = false;
    list.append(...added.map((file) => h("li", {}, h("span.file", {}, icon("file"), h("span.file-name", {}, file.name)))));
  }
  return turn;
}

const lines = (part: string): (Node | string)[] => part.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));

// ── channel, files, keys ──

function changed(event: Event): void {
  const here = form();
  const input = event.target as HTMLInputElement;
  if (!here?.contains(input)) return;
  if (input.name === "mode") setMode(here, input.value as Mode), area(here)?.focus();
  if (input.name === "via") showChannel(here, input), copies.follow(here, pane.openId());
  if (input.name === "files") {
    add([...(input.files ?? [])]);
    input.value = "";
  }
}

function showChannel(here: HTMLFormElement, input: HTMLInputElement): void {
  const picker = one<HTMLDetailsElement>(".reach", here);
  one("summary", picker ?? here)?.replaceChildren(
    icon(input.dataset.glyph ?? "send", 14),
    h("span.reach-name", {}, input.dataset.label ?? ""),
    h("span.reach-to", {}, input.dataset.address ?? ""),
    ...(input.dataset.why ? [h("span.reach-why", {}, input.dataset.why)] : []),
    icon("chevron-down", 14),
  );
  if (picker) picker.open = false;
  area(here)?.focus();
}

function add(more: File[]): void {
  const here = form();
  if (!here || !more.length) return;
  files.set(pane.openId(), [...(files.get(pane.openId()) ?? []), ...more]);
  showFiles(here);
}

function showFiles(here: HTMLFormElement): void {
  const mine = files.get(pane.openId()) ?? [];
  const place = one(".attached", here);
  if (!place) return;
  place.hidden = mine.length === 0;
  place.replaceChildren(...mine.map((file) => attachedLine(here, file)));
}

function attachedLine(here: HTMLFormElement, file: File): HTMLElement {
  const button = h("button", { type: "button", "aria-label": t("Remove {name}", { name: file.name }) }, icon("x", 12));
  button.addEventListener("click", () => {
    files.set(pane.openId(), (files.get(pane.openId()) ?? []).filter((other) => other !== file));
    const box = area(here);
    if (box?.value.includes(pictures.mark(file))) {
      box.value = pictures.without(box.value, file);
      box.dispatchEvent(new Event("input", { bubbles: true }));
    }
    showFiles(here);
  });
  return h("li", {}, icon("paperclip", 12), h("span", {}, file.name), button);
}

function pasted(event: ClipboardEvent): void {
  const given = [...(event.clipboardData?.files ?? [])];
  const here = form();
  if (!given.length || !here?.contains(event.target as Node)) return;
  event.preventDefault();
  place(here, pictures.named(given, files.get(pane.openId()) ?? []));
}

/** Pictures stand where the caret is, if the channel shows them there; everything else goes along as a file. */
function place(here: HTMLFormElement, given: File[]): void {
  add(given);
  const box = area(here);
  const shows = one<HTMLInputElement>("[name=via]:checked", here)?.dataset.html !== undefined;
  const marks = given.filter(pictures.isPicture).map(pictures.mark);
  if (!box || !marks.length || !shows || mode(here) === "note") return;
  const before = box.value.slice(0, box.selectionStart);
  put(box, `${before && !before.endsWith("\n") ? "\n" : ""}${marks.join("\n")}\n`, box.selectionStart);
}

/** The line for copies, with the caret in it. */
export const addCopies = (): void => void (form() && copies.add(form() as HTMLFormElement));

export function onlyThem(): void {
  const here = form();
  if (!here) return;
  copies.onlyThem(here, pane.openId());
  area(here)?.focus();
}

export const canCopy = (): boolean => Boolean(form() && copies.carried(form() as HTMLFormElement));

function hover(event: DragEvent, over: boolean): void {
  if (!event.dataTransfer?.types.includes("Files") || !pane.main().contains(event.target as Node)) return;
  event.preventDefault();
  form()?.classList.toggle("is-over", over);
}

function dropped(event: DragEvent): void {
  if (!event.dataTransfer?.files.length || !pane.main().contains(event.target as Node)) return;
  event.preventDefault();
  form()?.classList.remove("is-over");
  add([...event.dataTransfer.files]);
}

function pressed(event: KeyboardEvent): void {
  const here = form();
  if (!here || event.target !== area(here) || event.isComposing) return;
  if (event.key !== "Escape") return;
  event.preventDefault();
  area(here)?.blur();
  pane.main().focus({ preventScroll: true });
}

// ── prepared answers ──

/** A slash at the start of a line opens the list of prepared answers; an @ in a note that of colleagues. */
function offer(here: HTMLFormElement): void {
  const box = area(here);
  const before = box?.value.slice(0, box.selectionStart) ?? "";
  if (/(^|\n)\/$/.test(before)) void macros(1);
  else if (box && mode(here) === "note" && /(^|\s)@$/.test(before)) void mention(here, box);
}

async function mention(here: HTMLFormElement, box: HTMLTextAreaElement): Promise<void> {
  const { agents, me } = await choices();
  const place = box.selectionStart;
  openMenu({
    at: here,
    placeholder: t("Mention a colleague"),
    items: agents
      .filter((agent) => agent.id !== me)
      .map((agent) => ({ label: agent.name, more: t(agent.presence || "offline"), lead: face(agent, 20), run: () => put(box, `${agent.name.split(" ")[0]} `, place) })),
    passing: (typed) => put(box, typed, place),
  });
}

function put(box: HTMLTextAreaElement, words: string, place: number, over = 0): void {
  box.focus();
  box.setRangeText(words, place - over, place, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

export async function macros(typedLetters = 0): Promise<void> {
  const here = form();
  const box = area(here);
  if (!here || !box) return;
  const all = (await choices()).macros;
  const place = box.selectionStart;
  openMenu({
    at: here,
    placeholder: t("Prepared answers"),
    class: "macros",
    passing: (typed) => put(box, typed, place),
    items: all.map((macro) => ({ label: macro.name, more: macro.text.replace(/\s+/g, " ").slice(0, 60), lead: icon("zap", 14), run: () => insert(box, macro, place, typedLetters) })),
  });
}

/** A link with which the customer goes on in another channel, put where the caret is. */
export function elsewhere(from?: HTMLElement): void {
  const here = form();
  const box = area(here);
  const button = here && one("[data-onward]", here);
  if (!box || !button) return;
  const [id, place] = [pane.openId(), box.selectionStart];
  const offer = async (inbox: string, call: string): Promise<void> => {
    try {
      const link = (await act("POST", `/desk/conversations/${id}/passes`, { inbox, call })) as unknown as { text: string };
      if (pane.openId() === id) put(box, `${box.value && place ? "\n" : ""}${link.text}`, place);
    } catch (trouble) {
      say((trouble as Error).message, true);
    }
  };
  const ways = (button.dataset.onward ?? "").split(";").filter(Boolean).map((way) => way.split("|"));
  openMenu({
    at: from ?? button,
    placeholder: t("Ask them to go on by"),
    items: ways.map(([inbox = "", label = "", glyph = "link", call = ""]) => ({
      label: call ? t("a call") : label,
      more: t("a link, good once"),
      lead: icon(call ? "phone" : glyph, 16),
      run: () => void offer(inbox, call),
    })),
  });
}

export const canOffer = (): boolean => Boolean(form() && one("[data-onward]", form() as HTMLFormElement));

function insert(box: HTMLTextAreaElement, macro: Macro, place: number, typedLetters: number): void {
  const first = pane.main().dataset.person?.split(" ")[0] ?? "";
  const words = macro.text.replaceAll("{first_name}", first).replaceAll("{name}", pane.main().dataset.person ?? "").replaceAll("{agent}", document.body.dataset.meName ?? "");
  put(box, words, place, typedLetters);
  done(t("Inserted “{name}”", { name: macro.name }), () => {
    box.value = box.value.replace(words, "");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

/** Warn before words are lost with the window. */
export const hasUnsent = (): boolean => unsent.size > 0 || all(".turn.is-queued", pane.main()).some((turn) => !turn.id);
