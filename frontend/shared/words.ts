// The translation layer of the scripts: English sentences are the keys, as in src/parley/web/words.py.

let catalogue: Record<string, string> = {};

export function speak(sentences: Record<string, string>): void {
  catalogue = sentences;
}

export function t(text: string, values: Record<string, string | number> = {}): string {
  const found = catalogue[text] ?? text;
  return found.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
