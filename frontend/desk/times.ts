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

function urgency(due: Date, now: Date): string {
  const left = due.getTime() - now.getTime();
  return left <= 0 ? "late" : left <= 15 * 60_000 ? "soon" : "";
}

export function freshen(within: ParentNode = document): void {
  const now = new Date();
  for (const element of all<HTMLTimeElement>("time[datetime]", within)) {
    const then = new Date(element.dateTime);
    if (Number.isNaN(then.getTime())) continue;
    const words = ago(then, now);
    if (element.textContent !== words) element.textContent = words;
  }
  for (const element of all("[data-due]", within)) element.dataset.urgency = urgency(new Date(element.dataset.due ?? ""), now);
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
