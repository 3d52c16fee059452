// The report builder: what is chosen is shown at once, without leaving the form. Without script the button does the same.

import { one, parse } from "../shared/dom.ts";
import { fragment, Trouble } from "../shared/net.ts";
import { t } from "../shared/words.ts";
import { freshen } from "./times.ts";
import { say } from "./toasts.ts";

const MOST_MEASURES = 4;
let asked = 0;

export function listen(): void {
  const form = one<HTMLFormElement>("form[data-report]");
  if (!form) return;
  form.addEventListener("change", (event) => {
    const field = event.target as HTMLInputElement | HTMLSelectElement;
    if (field.name === "from" || field.name === "to") byDates(form);
    roomForMore(form);
    showDates(form);
    void show(form);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void show(form);
  });
  showDates(form);
  addEventListener("popstate", () => location.reload());
}

/** Whoever picks a day means days. */
function byDates(form: HTMLFormElement): void {
  const period = form.elements.namedItem("period") as HTMLSelectElement;
  if ((form.elements.namedItem("from") as HTMLInputElement).value) period.value = "dates";
}

function showDates(form: HTMLFormElement): void {
  const on = (form.elements.namedItem("period") as HTMLSelectElement).value === "dates";
  for (const name of ["from", "to"]) (form.elements.namedItem(name) as HTMLInputElement).closest<HTMLElement>(".field")!.hidden = !on;
}

/** There is always one list more to choose another measure from. */
function roomForMore(form: HTMLFormElement): void {
  const lists = [...form.querySelectorAll<HTMLSelectElement>("select[name=measure]")];
  const last = lists.at(-1);
  if (!last?.value || lists.length < 2 || lists.length >= MOST_MEASURES) return;
  const label = last.closest(".field")!;
  const more = label.cloneNode(true) as HTMLElement;
  more.querySelector("select")!.value = "";
  label.after(more);
}

function query(form: HTMLFormElement): string {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) fields.append(name, String(value));
  return String(fields);
}

async function show(form: HTMLFormElement): Promise<void> {
  const incomplete = (form.elements.namedItem("period") as HTMLSelectElement).value === "dates" && !(form.elements.namedItem("from") as HTMLInputElement).value;
  if (incomplete) return (form.elements.namedItem("from") as HTMLInputElement).focus();
  const address = `${form.getAttribute("action")}?${query(form)}`;
  const mine = ++asked;
  const place = one("#report")!;
  place.setAttribute("aria-busy", "true");
  try {
    const fresh = parse(await fragment(address, "report"));
    if (mine !== asked) return;
    freshen(fresh);
    place.replaceChildren(fresh);
    history.replaceState(null, "", address);
    one(".asked")?.remove();
    const told = one("#report-told");
    if (told) told.textContent = place.querySelector(".report-title, .report-problem")?.textContent ?? "";
  } catch (trouble) {
    say(trouble instanceof Trouble ? trouble.message : t("The report could not be shown."));
  } finally {
    if (mine === asked) place.removeAttribute("aria-busy");
  }
}
