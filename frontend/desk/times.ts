// Keeps <time> elements fresh, by the rules of src/parley/web/formats.py, and shows exact moments in the reader's zone.

import { all } from "../shared/dom.ts";
import { t } from "../shared/words.ts";

const DAY = 24 * 3600;
const weekday = new Intl.DateTimeFormat("en", { weekday: "short" });
const month = new Intl.DateTimeFormat("en", { month: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export function ago(then: Date, now = new Date()): string {
  const seconds = Math.abs(now.getTime() - then.getTime()) / 1000;
  if (seconds < 45) return t("now");
  if (seconds < 3600 - 30) return t("{n} min", { n: Math.max(1, Math.round(seconds / 60)) });
  if (seconds < DAY - 1800) return t("{n} h", { n: Math.round(seconds / 3600) });
  if (seconds < 6 * DAY) return weekday.format(then);
  const day = `${then.getDate()} ${month.format(then)}`;
  return then.getFullYear() === now.getFullYear() ? day : `${day} ${then.getFullYear()}`;
}

const exact = (then: Date): string => full.format(then);

function urgency(due: Date, near: Date, now: Date): string {
  if (now > due) return "late";
  return now >= (Number.isNaN(near.getTime()) ? new Date(due.getTime() - 15 * 60_000) : near) ? "soon" : "";
}

const owed: Record<string, string> = { first: t("First answer"), next: t("Answer"), resolution: t("Solution") };

export function dueWords(promise: string, due: Date, now = new Date()): string {
  const what = owed[promise] ?? t("Answer");
  const time = ago(due, now);
  const late = now > due;
  if (time === t("now")) return t("{what} due now", { what });
  if (Math.abs(now.getTime() - due.getTime()) / 1000 >= DAY - 1800) return t(late ? "{what} due since {day}" : "{what} due {day}", { what, day: time });
  return t(late ? "{what} {time} late" : "{what} due in {time}", { what, time });
}

function freshenDue(element: HTMLElement, now: Date): void {
  const due = new Date(element.dataset.due ?? "");
  element.dataset.urgency = urgency(due, new Date(element.dataset.near ?? ""), now);
  const words = element.querySelector(".due-words");
  const said = dueWords(element.dataset.promise ?? "", due, now);
  if (words && words.textContent !== said) words.textContent = said;
}

export function freshen(within: ParentNode = document): void {
  const now = new Date();
  for (const element of all<HTMLTimeElement>("time[datetime]", within)) {
    const then = new Date(element.dateTime);
    if (Number.isNaN(then.getTime())) continue;
    const words = ago(then, now);
    if (element.textContent !== words) element.textContent = words;
  }
  for (const element of all("[data-due]", within)) freshenDue(element, now);
  for (const element of all("[data-zone]", within)) element.textContent = localTime(element.dataset.zone ?? "", now);
}

function localTime(zone: string, now: Date): string {
  try {
    return `${new Intl.DateTimeFormat(undefined, { timeZone: zone, hour: "2-digit", minute: "2-digit", weekday: "short" }).format(now)}, ${zone.split("/").pop()?.replaceAll("_", " ")}`;
  } catch {
    return zone;
  }
}

/** The exact moment in the reader's own zone, written only when somebody points at it. */
function tell(event: Event): void {
  const element = event.target instanceof Element ? event.target.closest<HTMLTimeElement>("time[datetime]") : null;
  if (element) element.title = exact(new Date(element.dateTime));
}

export function keepFresh(): void {
  document.addEventListener("pointerover", tell);
  freshen();
  setInterval(freshen, 20_000);
}
