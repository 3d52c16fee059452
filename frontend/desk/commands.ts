// The one registry of what can be done. Palette, sheet, tips, menus and keys all read it.

export interface Command {
  id: string;
  label: string;
  group: string;
  glyph: string;
  /** Keys as typed, "g i" for two in a row, "Mod+k" with Control or Command. */
  keys?: string[];
  /** Whether it makes sense right now; absent: always. */
  when?: () => boolean;
  /** Left out of the palette, such as moving the cursor. */
  silent?: boolean;
  run: (from?: HTMLElement) => void;
}

const registry = new Map<string, Command>();

export function register(...commands: Command[]): void {
  for (const command of commands) registry.set(command.id, command);
}

export const commands = (): Command[] => [...registry.values()];
export const possible = (command: Command): boolean => command.when?.() ?? true;
export const find = (id: string): Command | undefined => registry.get(id);

/** Do it, if it makes sense now; tells whether it did. */
export function run(id: string, from?: HTMLElement): boolean {
  const command = registry.get(id);
  if (!command || !possible(command)) return false;
  command.run(from);
  return true;
}

const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const NAMES: Record<string, string> = { Mod: apple ? "⌘" : "Ctrl", Enter: "↵", Escape: "Esc", Shift: "⇧", ArrowDown: "↓", ArrowUp: "↑" };

/** "Mod+k" → ["Ctrl", "K"]; "g i" → ["G", "I"]. */
export function shown(keys: string): string[] {
  return keys.split(/[ +]/).map((key) => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key));
}
