// What triage found of the open conversation: renewed when it changed, corrected in place, the priority with one key.

import { all, icon, one } from "../shared/dom.ts";
import { act } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import { openMenu } from "./menus.ts";
import { say } from "./toasts.ts";

const row = (): HTMLElement | null => one(".found-row");
const numberOf = (place: HTMLElement): string => place.dataset.number ?? "";

/** The chips as they are now. While somebody corrects one they stay as they are. */
export async function renew(conversation: number, force = false): Promise<void> {
  const place = row();
  if (!place || numberOf(place) !== String(conversation)) return;
  if (!force && one(".found[open]", place)) return;
  const answer = await fetch(`/desk/conversations/${conversation}/findings`, { credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".found-row");
  const still = row();
  if (!fresh || !still || numberOf(still) !== String(conversation)) return;
  const focused = document.activeElement?.closest<HTMLElement>(".found")?.dataset.what;
  still.replaceWith(fresh);
  if (focused) one(`.found[data-what="${focused}"] > summary`)?.focus();
}

async function tell(path: string, fields: Record<string, string>): Promise<void> {
  const place = row();
  if (!place) return;
  const number = Number(numberOf(place));
  try {
    changed(await act("POST", path, fields));
    await renew(number, true);
  } catch (trouble) {
    say((trouble as Error).message, true);
  }
}

type Taken = Awaited<ReturnType<typeof act>>;
let changed: (change: Taken) => void = () => {};

/** `take`: what applies a change to the page. */
export function begin(take: (change: Taken) => void): void {
  changed = take;
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches(".found-form")) return;
    event.preventDefault();
    const fields = Object.fromEntries([...new FormData(form, event.submitter)].map(([name, value]) => [name, String(value)]));
    void tell(new URL(form.action).pathname, fields);
  });
  document.addEventListener("click", (event) => {
    const inside = (event.target as Element).closest(".found");
    for (const open of all<HTMLDetailsElement>(".found[open]")) if (open !== inside) open.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const open = one(".found[open]") as HTMLDetailsElement | null;
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    open.open = false;
    one("summary", open)?.focus();
  }, true);
}

export const canCorrect = (): boolean => Boolean(row());

/** The priority, with one key. */
export function priority(): void {
  const place = row();
  if (!place) return;
  const path = `/desk/conversations/${numberOf(place)}/findings`;
  const now = one('.found[data-what="priority"] [aria-pressed="true"]', place)?.getAttribute("value") ?? "normal";
  const names: [string, string][] = [["urgent", t("Urgent")], ["high", t("High")], ["normal", t("Normal")], ["low", t("Low")]];
  openMenu({
    at: one('.found[data-what="priority"] > summary', place) ?? place,
    placeholder: t("Priority"),
    items: names.map(([value, label]) => ({
      label,
      lead: icon("flag", 14),
      checked: value === now,
      run: () => {
        void tell(path, { what: "priority", value });
        say(t("Priority: {name}", { name: label }));
      },
    })),
  });
}
