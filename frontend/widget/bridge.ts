// What the page that shows the chat and the panel inside its frame say to each other.
// Both sides check where a message comes from; nothing here can speak in the visitor's name.

// What the visitor did on the page, told after consent only; `at` by the browser's clock.
export interface Step {
  name: string;
  page: string;
  at: number;
}

export type ToPanel =
  | { kind: "hi"; open: boolean; page: string; user: string }
  | { kind: "open" }
  | { kind: "close" }
  | { kind: "page"; page: string }
  | { kind: "steps"; steps: Step[]; ga: string; gs: string }
  | { kind: "user"; user: string };

export type ToHost =
  | { kind: "close" }
  | { kind: "ring" }
  | { kind: "unread"; count: number }
  | { kind: "took"; last: number }
  | { kind: "active" };

// Black or white, whichever stands out more on the brand's colour.
export function inkOn(colour: string): string {
  const [r, g, b] = [1, 3, 5].map(
    (at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2,
  ) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#111" : "#fff";
}
