// Makes icons.svg, one symbol for each name in icons.txt, from the lucide set.
// The sprite is kept in git so that a build needs neither the set (68 MB) nor this script.

import { readFileSync, writeFileSync } from "node:fs";

const set = new URL("node_modules/lucide-static/", import.meta.url);
const names = readFileSync(new URL("icons.txt", import.meta.url), "utf8").split(/\s+/).filter(Boolean);
const licence = readFileSync(new URL("LICENSE", set), "utf8").replace(/-{2,}/g, "");

const symbols = names.map((name) => {
  const svg = readFileSync(new URL(`icons/${name}.svg`, set), "utf8").replace(/<!--[\s\S]*?-->/g, "");
  const inner = svg.match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1].replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
});

writeFileSync(
  new URL("icons.svg", import.meta.url),
  `<!-- Icons of the lucide set.\n${licence}-->\n<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`,
);
