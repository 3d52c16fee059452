// The score in a mail's link counts at the first sign of a person on this page: a pointer that moves, a touch, a wheel, a
// key. Scanners open every link and some run its scripts; one that moves a pointer as well would be taken for a person.
// Without this script there is the button.

const form = document.querySelector<HTMLFormElement>("form[data-chosen]");
const told = document.querySelector<HTMLElement>("[data-told]");
const signs = ["pointermove", "pointerdown", "touchstart", "wheel", "keydown"] as const;
let last = Promise.resolve(); // what is sent later must arrive later: the last answer counts

function send(): void {
  if (!form) return;
  const said = new URLSearchParams();
  for (const name of ["asked", "score"]) said.set(name, String(new FormData(form).get(name) ?? ""));
  last = last.then(async () => {
    const answer = await fetch(form.action, { method: "POST", body: said, keepalive: true }).catch(() => null);
    if (told && answer?.ok) told.hidden = false;
  });
}

function seen(sign: Event): void {
  if (!sign.isTrusted || document.visibilityState !== "visible") return;
  for (const name of signs) removeEventListener(name, seen, true);
  // A choice made now is the one that counts; a press on the button sends it together with the words.
  const target = sign.target instanceof Element ? sign.target : null;
  if (sign.type === "pointerdown" && target?.closest("button, .rate-step")) return;
  send();
}

if (form) {
  for (const name of signs) addEventListener(name, seen, { capture: true, passive: true });
  form.addEventListener("change", (change) => {
    if (change.target instanceof HTMLInputElement && change.target.name === "score") send();
  });
  form.addEventListener("submit", (submit) => {
    submit.preventDefault();
    void last.then(() => form.submit());
  });
}
