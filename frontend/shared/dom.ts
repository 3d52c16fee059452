// A few short words for the document.

type Child = Node | string | null | undefined | false;

export const one = <E extends Element = HTMLElement>(selector: string, within: ParentNode = document): E | null =>
  within.querySelector<E>(selector);

export const all = <E extends Element = HTMLElement>(selector: string, within: ParentNode = document): E[] => [
  ...within.querySelectorAll<E>(selector),
];

/** Make an element: `h("button.tool", { type: "button" }, "Send")`. */
export function h(what: string, attributes: Record<string, string | boolean> = {}, ...children: Child[]): HTMLElement {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child): child is Node | string => Boolean(child)));
  return made;
}

export function icon(name: string, size = 16): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("class", `icon icon-${size}`);
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  made.append(use);
  return made;
}

/** HTML of our own server into nodes. */
export function parse(html: string): DocumentFragment {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

export function face(who: { initials: string; hue: number; bot?: boolean }, size: number): HTMLElement {
  if (who.bot) return h(`span.face.face-${size}.is-bot`, { "aria-hidden": "true" }, icon("sparkles", 14));
  return h(`span.face.face-${size}.hue-${who.hue}`, { "aria-hidden": "true" }, who.initials);
}

/** What can wait until the reader has seen the answer to their key. */
export function afterPaint(then: () => void): void {
  requestAnimationFrame(() => setTimeout(then, 0));
}

export const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox],[type=radio],[type=file])"));
