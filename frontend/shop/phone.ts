// The demo customers' phone: what was said is looked at every second, and Enter sends. Without this the page does both
// when it is loaded again.

const phone = document.querySelector<HTMLElement>("[data-phone]");
const form = phone?.querySelector<HTMLFormElement>("[data-say]");
const screen = phone?.querySelector<HTMLElement>("[data-screen]");
const EVERY = 1000;

async function look() {
  if (document.hidden) return;
  const since = screen!.querySelector<HTMLElement>("[data-line]")?.dataset.changed ?? "-1";
  const answer = await fetch(`${phone!.dataset.phone}?since=${since}`);
  if (answer.status !== 200) return;
  const below = screen!.scrollHeight - screen!.scrollTop - screen!.clientHeight;
  const held = document.activeElement?.closest("[data-line]") !== null;
  screen!.innerHTML = await answer.text();
  if (held) screen!.focus();
  if (below < 80) down();
}

function down() {
  screen!.scrollTop = screen!.scrollHeight;
}

// The clip shows that a picture goes along.
function chosen(picture: HTMLInputElement | null) {
  picture?.closest("label")?.toggleAttribute("data-chosen", Boolean(picture.files?.length));
}

async function send(event: SubmitEvent) {
  event.preventDefault();
  const box = form!.querySelector<HTMLTextAreaElement | HTMLInputElement>("[name=text]")!;
  const words = new FormData(form!);
  const picture = form!.querySelector<HTMLInputElement>("[name=picture]");
  if (!box.value.trim() && !picture?.files?.length) return;
  const kept = box.value;
  if (box.type !== "hidden") box.value = "";
  const answer = await fetch(form!.action, { method: "POST", body: words }).catch(() => null);
  if (!answer?.ok) box.value = kept;
  else if (picture) picture.value = "";
  chosen(picture);
  await look();
  down();
  if (box.type !== "hidden") box.focus();
}

if (phone && form && screen) {
  down();
  form.addEventListener("submit", (event) => void send(event));
  form.addEventListener("change", () => chosen(form.querySelector("[name=picture]")));
  form.querySelector("textarea")?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const again = () => void look().catch(() => undefined).then(() => setTimeout(again, EVERY));
  setTimeout(again, EVERY);
}

export {};
