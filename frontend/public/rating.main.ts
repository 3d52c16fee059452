// The score in a mail's link counts at the first sign of a person on this page. Scanners open every link, and some run its
// scripts, but none of them moves a pointer, scrolls or presses a key. Without this script there is the button.

const form = document.querySelector<HTMLFormElement>("form[data-chosen]");
const told = document.querySelector<HTMLElement>("[data-told]");
const signs = ["pointermove", "pointerdown", "touchstart", "wheel", "keydown"] as const;

async function send(): Promise<void> {
  if (!form) return;
  const said = new URLSearchParams();
  for (const name of ["asked", "score"]) said.set(name, String(new FormData(form).get(name) ?? ""));
  const answer = await fetch(form.action, { method: "POST", body: said, keepalive: true }).catch(() => null);
  if (told && answer?.ok) told.hidden = false;
}

function seen(sign: Event): void {
  if (!sign.isTrusted || document.visibilityState !== "visible") return;
  for (const name of signs) removeEventListener(name, seen, true);
  // A choice made now is the one that counts; a press on the button sends it together with the words.
  const target = sign.target instanceof Element ? sign.target : null;
  if (sign.type === "pointerdown" && target?.closest("button, .rate-step")) return;
  void send();
}

if (form) {
  for (const name of signs) addEventListener(name, seen, { capture: true, passive: true });
  form.addEventListener("change", (change) => {
    if (change.target instanceof HTMLInputElement && change.target.name === "score") void send();
  });
}
