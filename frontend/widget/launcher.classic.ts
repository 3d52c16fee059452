// The button on the company's website. Waits until the page has loaded, fetches the panel only when
// somebody means to use it (or a chat is going on), and never touches the page's own layout.
//
//   <script src="https://desk.example/widget.js" data-inbox="shop" async></script>
//
// data-user: token signed by the shop's server. data-label, data-color, data-side="left", data-theme.
// data-pages: the visitor agreed that pages are told, or later parley.consent(true). Nothing leaves the browser
// before they first write. From the page: parley.open(), parley.close(), parley.user(token or ""),
// parley.event("added_to_bag").

import { inkOn, type Step, type ToHost, type ToPanel } from "./bridge.ts";

interface Parley {
  open(): void;
  close(): void;
  user(token: string): void;
  consent(given: boolean): void;
  event(name: string): void;
}

const script = document.currentScript as HTMLScriptElement | null;
const page = window as Window & { parley?: Parley };

// [open, close, frame, one new, many new]
const WORDS: Record<string, string[]> = {
  en: ["Chat with us", "Close chat", "Chat", "1 new message", "# new messages"],
  de: ["Chat öffnen", "Chat schließen", "Chat", "1 neue Nachricht", "# neue Nachrichten"],
  es: ["Abrir el chat", "Cerrar el chat", "Chat", "1 mensaje nuevo", "# mensajes nuevos"],
};

const LOOK = `
:host{all:initial}
aside{position:fixed;z-index:2147483000;inset-block-end:20px;inset-inline-end:20px;font:500 15px/1 system-ui,sans-serif}
aside.left{inset-inline:20px auto}
button{all:unset;box-sizing:border-box;display:flex;align-items:center;gap:10px;height:52px;padding:0 20px 0 16px;
border-radius:26px;background:var(--b);color:var(--i);cursor:pointer;white-space:nowrap;float:inline-end;position:relative;
box-shadow:0 1px 3px #0003,0 8px 24px #00000038;transition:transform .12s}
.left button{float:inline-start}
button:hover{transform:translateY(-1px)}
button:focus-visible{outline:3px solid var(--b);outline-offset:3px;box-shadow:0 0 0 3px #fff}
svg{width:24px;height:24px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
b{position:absolute;inset:-5px -3px auto auto;min-width:22px;height:22px;box-sizing:border-box;padding:0 6px;border-radius:11px;
background:#c81e3a;color:#fff;font:600 12px/22px system-ui,sans-serif;text-align:center}
[hidden]{display:none!important}
.open span,.open .o,aside:not(.open) .c{display:none}.open button{width:52px;padding:0 14px}
section{position:fixed;inset-block-end:84px;inset-inline-end:20px;width:380px;height:640px;max-width:calc(100vw - 40px);
max-height:calc(100dvh - 104px);border-radius:16px;overflow:hidden;background:Canvas;
box-shadow:0 0 0 1px #0000000f,0 12px 48px #00000040;visibility:hidden;opacity:0;transform:translateY(8px);
transition:opacity .15s,transform .15s,visibility .15s}
.left section{inset-inline:20px auto}
.open section{visibility:visible;opacity:1;transform:none}
iframe{border:0;width:100%;height:100%;display:block}
i{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media(max-width:480px){aside,aside.left{inset-inline:auto 16px;inset-block-end:16px}button{width:52px;padding:0 14px}span{display:none}
section,.left section{inset:0;width:auto;height:auto;max-width:none;max-height:none;border-radius:0}.open button{display:none}}
@media(prefers-reduced-motion:reduce){*{transition:none!important}}
@media print{aside{display:none}}`;

const ICONS =
  '<svg class=o viewBox="0 0 24 24" aria-hidden=true><path d="M20 12a8 8 0 0 1-11.4 7.2L4 20.5l1.3-4.2A8 8 0 1 1 20 12Z"/></svg>' +
  '<svg class=c viewBox="0 0 24 24" aria-hidden=true><path d="m6 9.5 6 6 6-6"/></svg>';

if (script && !page.parley) start(script);

function start(tag: HTMLScriptElement) {
  const { inbox = "", label, color = "#1f2937", side, theme = "auto" } = tag.dataset;
  const home = new URL(tag.src).origin;
  const key = `parley:${inbox}:`;
  const language = document.documentElement.lang || navigator.language;
  const words = WORDS[language.slice(0, 2)] ?? WORDS.en!;
  let user = tag.dataset.user ?? "";
  let wanted = false;
  let ready = false;
  let mounted = false;
  let frame: HTMLIFrameElement | undefined;
  let agreed = "pages" in tag.dataset;

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LOOK);
  root.adoptedStyleSheets = [sheet];
  // A constant without any word from outside.
  root.innerHTML = `<aside><section></section><button type=button aria-expanded=false>${ICONS}<span></span><b hidden></b></button><i role=status></i></aside>`;
  const [aside, section, button, text, badge, news] = ["aside", "section", "button", "span", "b", "i"].map(
    (name) => root.querySelector<HTMLElement>(name)!,
  ) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement];
  section.id = "p";
  button.setAttribute("aria-controls", "p");
  host.style.setProperty("--b", color);
  host.style.setProperty("--i", inkOn(color));
  aside.ariaLabel = words[2]!;
  section.ariaLabel = words[2]!;
  section.role = "region";
  text.textContent = label ?? words[0]!;
  badge.ariaHidden = "true";
  if (side === "left") aside.className = "left";

  function mount() {
    mounted = true;
    document.body.append(host);
    name(0);
    for (const intent of ["pointerenter", "focusin", "touchstart"]) button.addEventListener(intent, load, { passive: true });
    button.addEventListener("click", () => show(!wanted, true));
    root.addEventListener("keydown", (event) => {
      if ((event as KeyboardEvent).key === "Escape" && wanted) show(false, true);
    });
    addEventListener("message", hear);
    if (remembered(sessionStorage, "open") && innerWidth > 480) show(true, false);
    else if (wanted) show(true, true);
    else if (remembered(localStorage, "active")) load();
  }

  function load() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = words[2]!;
    frame.allow = "autoplay;microphone";
    // On the desk's own pages a sandbox would hold nothing back.
    if (home !== location.origin)
      frame.setAttribute(
        "sandbox",
        "allow-scripts allow-same-origin allow-forms allow-downloads allow-popups allow-popups-to-escape-sandbox",
      );
    frame.src = `${home}/widget/${encodeURIComponent(inbox)}/panel?lang=${encodeURIComponent(language)}&theme=${theme}`;
    frame.onload = () => {
      ready = true;
      tell({ kind: "hi", open: wanted, page: location.href, user });
      tellSteps();
    };
    section.append(frame);
  }

  function show(open: boolean, byHand: boolean) {
    wanted = open;
    if (!mounted) return;
    load();
    aside.classList.toggle("open", open);
    button.ariaExpanded = `${open}`;
    remember(sessionStorage, "open", open);
    name(Number(badge.textContent));
    if (ready && byHand) tell({ kind: open ? "open" : "close" });
    if (open && byHand) frame!.focus();
    if (!open && byHand) button.focus();
  }

  function name(unread: number) {
    button.ariaLabel = wanted ? words[1]! : unread ? `${text.textContent}, ${counted(unread)}` : text.textContent;
  }

  function counted(unread: number) {
    return unread === 1 ? words[3]! : words[4]!.replace("#", `${unread}`);
  }

  function tell(message: ToPanel) {
    frame?.contentWindow?.postMessage({ parley: message }, home);
  }

  function hear(event: MessageEvent) {
    if (event.origin !== home || !frame || event.source !== frame.contentWindow) return;
    const message = (event.data as { parley?: ToHost } | null)?.parley;
    if (message?.kind === "close") show(false, true);
    else if (message?.kind === "ring") show(true, false);
    else if (message?.kind === "took") keep(steps().filter((step) => step.at > message.last));
    else if (message?.kind === "active") remember(localStorage, "active", true);
    else if (message?.kind === "unread") count(message.count);
  }

  function count(unread: number) {
    badge.hidden = !unread;
    news.textContent = unread ? counted(unread) : "";
    badge.textContent = unread > 99 ? "99" : `${unread}`;
    name(unread);
  }

  // Some browsers refuse storage altogether; the chat then forgets on the next page.
  function remember(where: Storage, what: string, on: boolean) {
    try {
      if (on) where.setItem(key + what, "1");
      else where.removeItem(key + what);
    } catch {}
  }

  function remembered(where: Storage, what: string) {
    try {
      return where.getItem(key + what);
    } catch {
      return null;
    }
  }

  function steps(): Step[] {
    try {
      return JSON.parse(sessionStorage.getItem(key + "steps") ?? "[]") as Step[];
    } catch {
      return [];
    }
  }

  // Along go the numbers that the page's own analytics gave this browser and this visit, if they did.
  function tellSteps() {
    const found = (what: RegExp) => what.exec(document.cookie)?.[1] ?? "";
    if (agreed) tell({ kind: "steps", steps: steps(), ga: found(/_ga=(GA1[\d.]+)/), gs: found(/_ga_\w+=(GS\d[\w.$]+)/) });
  }

  function keep(all: Step[]) {
    try {
      sessionStorage.setItem(key + "steps", JSON.stringify(all.slice(-40)));
    } catch {}
    if (ready) tellSteps();
  }

  // Parts of an address that could name a person or an order stay here.
  function step(name: string) {
    const path = location.pathname.replace(/[^/]*(@|%40|\d{4})[^/]*/g, "…");
    if (agreed) keep([...steps(), { name, page: path, at: Date.now() }]);
  }

  step("page");
  page.parley = {
    open: () => show(true, true),
    close: () => show(false, true),
    user: (token) => {
      user = token;
      if (ready) tell({ kind: "user", user });
    },
    consent: (given) => {
      if (!given) keep([]);
      const first = given && !agreed;
      agreed = given;
      if (first) step("page");
    },
    event: step,
  };

  const soon = () => (window.requestIdleCallback ?? setTimeout)(mount);
  if (document.readyState === "complete") soon();
  else addEventListener("load", soon);
}
