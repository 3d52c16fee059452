// Keys into commands. Single keys rest while somebody types, and can be switched off altogether.

import { typing } from "../shared/dom.ts";
import { act } from "../shared/net.ts";
import { commands, possible, type Command } from "./commands.ts";

let pending = "";
let pendingTimer = 0;
let on = true;
/** Words typed before there is a place for them: takes a key, and tells whether it did. */
let ahead: (event: KeyboardEvent) => boolean = () => false;

export const singleKeys = (): boolean => on;

export function setSingleKeys(wanted: boolean): void {
  on = wanted;
  document.body.dataset.keys = wanted ? "on" : "off";
  void act("PUT", "/desk/settings/keys", { on: wanted ? "on" : "off" }).catch(() => undefined);
}

export function listen(typedAhead: (event: KeyboardEvent) => boolean): void {
  ahead = typedAhead;
  on = document.body.dataset.keys !== "off";
  document.addEventListener("keydown", pressed);
}

function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  if (ahead(event)) return event.preventDefault();
  const key = name(event);
  const command = match(key, typing(event.target));
  if (!command) return remember(key, typing(event.target));
  forget();
  event.preventDefault();
  command.run(event.target instanceof HTMLElement ? event.target : undefined);
}

function name(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && event.key.length > 1 ? "Shift+" : "";
  return `${event.metaKey || event.ctrlKey ? "Mod+" : ""}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}

function match(key: string, inText: boolean): Command | undefined {
  const wanted = pending ? `${pending} ${key}` : key;
  const single = !key.startsWith("Mod+") && key !== "Escape";
  if (single && (inText || !on)) return undefined;
  return commands().find((command) => command.keys?.includes(wanted) && possible(command));
}

/** The first of two keys waits a second for the other. */
function remember(key: string, inText: boolean): void {
  const opens = !inText && on && !pending && commands().some((command) => command.keys?.some((keys) => keys.startsWith(`${key} `)));
  forget();
  if (!opens) return;
  pending = key;
  pendingTimer = window.setTimeout(forget, 1000);
}

function forget(): void {
  pending = "";
  clearTimeout(pendingTimer);
}
