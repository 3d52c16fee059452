// The desk's script: registers every command, then lets each part listen.

import "../style/tokens.css";
import "../style/base.css";
import "./desk.css";
import "./pages.css";
import "./plots.css";
import "./procedures.css";
import "./assist.css";
import "./found.css";
import "./floats.css";
import "./calls.css";
import "./lab.css";
import "./reports.css";
import "./narrow.css";

import { h, one, parse } from "../shared/dom.ts";
import { fragment } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import * as acts from "./acts.ts";
import * as assist from "./assist.ts";
import * as templates from "./templates.ts";
import * as tone from "./tone.ts";
import * as calls from "./calls.ts";
import { choices } from "./choices.ts";
import { register, run } from "./commands.ts";
import * as composer from "./composer.ts";
import * as found from "./found.ts";
import * as keys from "./keys.ts";
import * as list from "./list.ts";
import * as live from "./live.ts";
import { watchInput } from "./marks.ts";
import "./lab.ts";
import { closeMenu, menuOpen } from "./menus.ts";
import { closeSheet, nameButtons, palette, sheet, sheetOpen, tips } from "./palette.ts";
import * as pane from "./pane.ts";
import * as presence from "./presence.ts";
import { editor } from "./procedure_editor.ts";
import * as reports from "./reports.ts";
import { freshen, keepFresh } from "./times.ts";
import { canUndo, say, undoLast } from "./toasts.ts";

const go = (path: string) => (): void => location.assign(path);
const inbox = (): boolean => list.hasList();
const atTalk = (): boolean => pane.openId() > 0;

register(
  { id: "next", label: t("Next conversation"), group: t("Move"), glyph: "arrow-down", keys: ["j"], silent: true, when: inbox, run: () => list.move(1) },
  { id: "previous", label: t("Previous conversation"), group: t("Move"), glyph: "arrow-down", keys: ["k"], silent: true, when: inbox, run: () => list.move(-1) },
  { id: "open", label: t("Read the conversation"), group: t("Move"), glyph: "message-circle", keys: ["Enter"], silent: true, when: () => atTalk() && document.activeElement === document.body, run: () => pane.stream()?.focus() },
  { id: "select", label: t("Select"), group: t("Move"), glyph: "check", keys: ["x"], silent: true, when: inbox, run: () => list.pick() },
  { id: "latest", label: t("Latest message"), group: t("Move"), glyph: "arrow-down", keys: ["Shift+End"], silent: true, when: atTalk, run: () => pane.toLatest() },
  { id: "reply", label: t("Reply"), group: t("Conversation"), glyph: "reply", keys: ["r"], when: composer.canWrite, run: () => composer.write("reply") },
  { id: "note", label: t("Write a note"), group: t("Conversation"), glyph: "sticky-note", keys: ["n"], when: composer.canWrite, run: () => composer.write("note") },
  { id: "send", label: t("Send"), group: t("Conversation"), glyph: "send", keys: ["Mod+Enter"], when: composer.canWrite, run: () => composer.send() },
  { id: "send-close", label: t("Send and close"), group: t("Conversation"), glyph: "circle-check", keys: ["Mod+Shift+Enter"], when: composer.canWrite, run: () => composer.send(true) },
  { id: "send-later", label: t("Send later"), group: t("Conversation"), glyph: "alarm-clock", when: composer.canWrite, run: (from) => composer.sendLater(from) },
  { id: "copies", label: t("Copy to others"), group: t("Conversation"), glyph: "users", when: composer.canCopy, run: () => composer.addCopies() },
  { id: "only-them", label: t("Answer the customer only"), group: t("Conversation"), glyph: "user", when: composer.canCopy, run: () => composer.onlyThem() },
  { id: "macro", label: t("Insert a prepared answer"), group: t("Conversation"), glyph: "zap", when: composer.canWrite, run: () => void composer.macros() },
  { id: "elsewhere", label: t("Ask them to go on elsewhere"), group: t("Conversation"), glyph: "link", when: composer.canOffer, run: (from) => composer.elsewhere(from) },
  { id: "suggestion", label: t("Insert the suggested answer"), group: t("Conversation"), glyph: "sparkles", keys: ["d"], when: assist.offered, run: () => assist.insert() },
  { id: "assign", label: t("Assign"), group: t("Conversation"), glyph: "user-plus", keys: ["a"], when: acts.canAct, run: (from) => void acts.assign(from) },
  { id: "mine", label: t("Assign to me"), group: t("Conversation"), glyph: "user", keys: ["i"], when: acts.canAct, run: () => void acts.assignToMe() },
  { id: "tag", label: t("Tag"), group: t("Conversation"), glyph: "tag", keys: ["l"], when: acts.canAct, run: (from) => void acts.tag(from) },
  { id: "priority", label: t("Priority"), group: t("Conversation"), glyph: "flag", keys: ["p"], when: () => acts.canAct() && found.canCorrect(), run: () => found.priority() },
  { id: "snooze", label: t("Snooze"), group: t("Conversation"), glyph: "alarm-clock", keys: ["s"], when: acts.canAct, run: (from) => acts.snooze(from) },
  { id: "close", label: t("Close"), group: t("Conversation"), glyph: "circle-check", keys: ["e"], when: () => acts.canAct() && !acts.isClosed(), run: () => acts.close() },
  { id: "reopen", label: t("Reopen"), group: t("Conversation"), glyph: "rotate-ccw", keys: ["e"], when: () => atTalk() && acts.isClosed(), run: () => acts.reopen() },
  { id: "call", label: t("Call them in the chat"), group: t("Calls"), glyph: "phone", keys: ["c c"], when: calls.canCall, run: () => void calls.callOut() },
  { id: "call-accept", label: t("Accept the call"), group: t("Calls"), glyph: "phone-call", keys: ["c a"], when: calls.isRinging, run: () => void calls.accept() },
  { id: "call-decline", label: t("Decline the call"), group: t("Calls"), glyph: "phone-off", keys: ["c d"], when: calls.isRinging, run: () => calls.decline() },
  { id: "call-mute", label: t("Mute or unmute"), group: t("Calls"), glyph: "mic", keys: ["c m"], when: calls.isOn, run: () => calls.mute() },
  { id: "call-end", label: t("Hang up"), group: t("Calls"), glyph: "phone-off", keys: ["c h"], when: calls.isOn, run: () => calls.hangUp() },
  { id: "undo", label: t("Undo"), group: t("Conversation"), glyph: "undo-2", keys: ["u"], when: canUndo, run: undoLast },
  { id: "person", label: t("Show or hide the person"), group: t("View"), glyph: "panel-right", keys: ["]"], when: () => Boolean(one("#person")), run: togglePerson },
  { id: "views", label: t("Views"), group: t("View"), glyph: "menu", keys: ["["], when: inbox, run: () => void one(".views")?.classList.toggle("is-out") },
  { id: "back", label: t("Back to the list"), group: t("View"), glyph: "arrow-left", silent: true, when: inbox, run: backToList },
  { id: "clear-selection", label: t("Clear selection"), group: t("View"), glyph: "x", silent: true, when: () => list.picked().length > 0, run: () => list.clearPicked() },
  { id: "escape", label: t("Back"), group: t("View"), glyph: "x", keys: ["Escape"], silent: true, run: escape },
  { id: "palette", label: t("All commands"), group: t("Help"), glyph: "command", keys: ["Mod+k"], silent: true, run: palette },
  { id: "sheet", label: t("Keyboard shortcuts"), group: t("Help"), glyph: "keyboard", keys: ["?"], run: sheet },
  { id: "search", label: t("Search"), group: t("Go to"), glyph: "search", keys: ["/"], run: search },
  { id: "go-inbox", label: t("Inbox"), group: t("Go to"), glyph: "inbox", keys: ["g i"], run: go("/desk") },
  { id: "go-mine", label: t("Mine"), group: t("Go to"), glyph: "user", keys: ["g m"], run: go("/desk/inbox/mine") },
  { id: "go-people", label: t("People"), group: t("Go to"), glyph: "users", keys: ["g p"], run: go("/desk/people") },
  { id: "go-knowledge", label: t("Knowledge"), group: t("Go to"), glyph: "book-open", keys: ["g k"], run: go("/desk/knowledge") },
  { id: "go-numbers", label: t("Numbers"), group: t("Go to"), glyph: "chart-column", keys: ["g r"], run: go("/desk/numbers") },
  { id: "go-reports", label: t("Reports"), group: t("Go to"), glyph: "chart-column", keys: ["g b"], run: go("/desk/reports") },
  { id: "go-forecast", label: t("Forecast and staffing"), group: t("Go to"), glyph: "chart-column", keys: ["g f"], run: go("/desk/forecast") },
  { id: "go-followups", label: t("Follow-ups"), group: t("Go to"), glyph: "flag", keys: ["g l"], run: go("/desk/followups") },
  { id: "go-incidents", label: t("Incidents"), group: t("Go to"), glyph: "triangle-alert", keys: ["g n"], run: go("/desk/incidents") },
  { id: "go-listening", label: t("Listening"), group: t("Go to"), glyph: "quote", keys: ["g t"], run: go("/desk/listening") },
  { id: "go-wall", label: t("Wall board"), group: t("Go to"), glyph: "chart-column", keys: ["g w"], run: go("/desk/wall") },
  { id: "go-surveys", label: t("Surveys"), group: t("Go to"), glyph: "star", run: go("/desk/settings/surveys") },
  { id: "go-settings", label: t("Settings"), group: t("Go to"), glyph: "settings", keys: ["g s"], run: go("/desk/settings") },
  { id: "presence", label: t("Set your presence"), group: t("Help"), glyph: "circle-dot", run: (from) => void acts.presence(from) },
);

function togglePerson(): void {
  const overlay = innerWidth <= 1340;
  one(".panes")?.classList.toggle(overlay ? "show-person" : "no-person");
}

function backToList(): void {
  pane.showNothing();
  history.pushState({ conversation: 0 }, "", one('.view[aria-current]')?.getAttribute("href") ?? "/desk");
}

function escape(): void {
  if (sheetOpen()) return closeSheet();
  if (menuOpen()) return closeMenu();
  const out = one(".views.is-out, .panes.show-person");
  if (out) return out.classList.remove("is-out", "show-person");
  list.clearPicked();
  (document.activeElement as HTMLElement | null)?.blur();
}

function search(): void {
  const field = one<HTMLInputElement>("input[name=q]");
  if (field) return field.focus(), field.select();
  location.assign("/desk/search");
}

document.addEventListener("click", (event) => {
  const target = event.target as Element;
  const button = target.closest<HTMLElement>("[data-command]");
  if (button && !event.metaKey && !event.ctrlKey) {
    const form = button.closest("form");
    const submits = button.matches("[data-send]") && form;
    if (!submits && run(button.dataset.command ?? "", button)) event.preventDefault();
    return;
  }
  const agree = target.closest<HTMLElement>("[data-agree]");
  if (agree) return event.preventDefault(), void acts.agree(agree);
  const replay = target.closest<HTMLElement>("[data-replay]");
  if (replay) return event.preventDefault(), void acts.replay(replay);
  const cancel = target.closest<HTMLElement>("[data-cancel]");
  if (cancel) return event.preventDefault(), void composer.takeBack(cancel.dataset.cancel ?? "");
  const suggested = target.closest<HTMLElement>("[data-suggested]");
  if (suggested) return event.preventDefault(), acts.takeSuggestion(suggested);
  const judge = target.closest<HTMLElement>("[data-judge]");
  if (judge) return event.preventDefault(), void acts.judge(judge);
  const copy = target.closest<HTMLElement>("[data-copy]");
  if (copy) return void navigator.clipboard.writeText(copy.dataset.copy ?? "").then(() => say(t("Copied")));
  const images = target.closest<HTMLAnchorElement>("[data-images]");
  if (images) return event.preventDefault(), showImages(images);
  const original = target.closest<HTMLAnchorElement>("[data-original]");
  if (original) return event.preventDefault(), showOriginal(original);
  const earlier = target.closest<HTMLAnchorElement>("[data-earlier]");
  if (earlier) return event.preventDefault(), void showEarlier(earlier);
  const inside = target.closest<HTMLAnchorElement>('#person a[href^="/desk/conversations/"]');
  if (inside && inbox()) event.preventDefault(), void pane.show(Number(inside.pathname.split("/").pop()));
  for (const picker of document.querySelectorAll<HTMLDetailsElement>(".reach[open]")) if (!picker.contains(target)) picker.open = false;
  if (!target.closest(".views, [data-command=views]")) one(".views.is-out")?.classList.remove("is-out");
});

function showImages(link: HTMLAnchorElement): void {
  const frame = link.closest(".bubble")?.querySelector("iframe");
  if (frame) frame.src = link.href;
  link.closest(".mail-bar")?.remove();
}

function showOriginal(link: HTMLAnchorElement): void {
  const bubble = link.closest(".bubble");
  const frame = h("iframe.mail", { sandbox: "allow-popups allow-popups-to-escape-sandbox", src: link.href, height: "420", title: t("Original mail") });
  bubble?.querySelector(".words")?.replaceWith(frame);
  bubble?.querySelector(".quoted")?.remove();
  link.closest(".mail-bar")?.remove();
}

async function showEarlier(link: HTMLAnchorElement): Promise<void> {
  const box = pane.stream();
  const html = await fragment(`/desk/conversations/${pane.openId()}?before=${encodeURIComponent(link.dataset.earlier ?? "")}`, "turns");
  const fresh = parse(html);
  freshen(fresh);
  const below = box ? box.scrollHeight - box.scrollTop : 0;
  link.parentElement?.replaceWith(fresh);
  if (box) box.scrollTop = box.scrollHeight - below;
}

document.documentElement.classList.add("js");
// On a narrow screen the row of pages scrolls; the one that is open must be seen in it.
document.querySelector(".segments [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
watchInput();
keepFresh();
keys.listen(composer.typedAhead);
composer.listen();
assist.listen();
found.begin(acts.take);
tone.listen();
templates.listen();
calls.listen();
presence.listen();
pane.onOpen(() => nameButtons(pane.main()));
nameButtons();
list.listen();
reports.listen();
tips();
editor();
pane.adopt();
live.listen();
if (inbox()) setTimeout(() => void choices().catch(() => undefined), 400);
addEventListener("beforeunload", (event) => composer.hasUnsent() && event.preventDefault());
