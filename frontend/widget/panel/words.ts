// One layer for every word a visitor reads. The English sentence is the key; the page brings the
// catalogue of its language (templates/widget/words/<language>.json). `{name}` is filled in.

let catalogue: Record<string, string> = {};

export function speak(words: Record<string, string>) {
  catalogue = words;
}

export function t(sentence: string, fill: Record<string, string | number> = {}): string {
  const words = catalogue[sentence] ?? sentence;
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => `${fill[name] ?? whole}`);
}

export const language = () => document.documentElement.lang || "en";

export function clock(moment: Date): string {
  return moment.toLocaleTimeString(language(), { hour: "numeric", minute: "2-digit" });
}

// "14:05" today, "Tuesday 14:05" within a week, a date after.
export function when(moment: Date): string {
  const days = (startOfDay(new Date()) - startOfDay(moment)) / 86_400_000;
  if (Math.abs(days) < 0.5) return clock(moment);
  const near = Math.abs(days) < 6.5;
  const day = moment.toLocaleDateString(
    language(),
    near ? { weekday: "long" } : { day: "numeric", month: "long", year: days > 300 ? "numeric" : undefined },
  );
  return `${day} ${clock(moment)}`;
}

function startOfDay(moment: Date): number {
  return new Date(moment).setHours(0, 0, 0, 0);
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${Math.round(count / 1000)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
