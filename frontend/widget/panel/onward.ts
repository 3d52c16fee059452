// Links to other channels, each with a code that shows there that it is the same person. Loaded when asked for.

import { h, icon } from "./dom.ts";
import type { Onward } from "./protocol.ts";
import { t } from "./words.ts";

export function waysSheet(onward: Onward, close: () => void): HTMLElement {
  return h("section", { class: "sheet", "aria-labelledby": "ways-title" },
    h("div", { class: "sheet-top" }, h("h2", { id: "ways-title" }, t("Go on elsewhere")),
      h("button", { type: "button", class: "tool", "aria-label": t("Close"), onclick: close }, icon("close"))),
    h("p", {}, t("Open one and send the message that stands there. We go on with this conversation; you need not say anything twice.")),
    h("div", { class: "ways" }, ...onward.ways.map(({ label, url, qr }) =>
      h("a", { href: url, target: "_blank", rel: "noopener" }, h("span", {}, label), qr ? drawn(qr) : null))),
    h("p", {}, t("Good for {count} minutes, once.", { count: onward.minutes })));
}

// "25 M0 0h7v1…": the width in modules, and the dark ones as a path.
function drawn(qr: string): SVGElement {
  const [size, ...path] = qr.split(" ");
  const svg = icon({ path: path.join(" ") });
  svg.setAttribute("class", "qr");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  return svg;
}
