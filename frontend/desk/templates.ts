// A template that is being filled in shows what the customer will read.

import { all, one } from "../shared/dom.ts";

export function listen(): void {
  document.addEventListener("input", filled);
}

function filled(event: Event): void {
  const form = (event.target as Element).closest<HTMLFormElement>(".template form");
  const text = form && one<HTMLElement>("[data-preview]", form);
  if (!form || !text) return;
  const given = new Map(all<HTMLInputElement>("[data-place]", form).map((input) => [input.dataset.place, input.value.trim()]));
  text.textContent = (text.dataset.preview ?? "").replace(/\{\{(\w+)\}\}/g, (whole, place: string) => given.get(place) || whole);
}
