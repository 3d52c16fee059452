// The frames of src/parley/channels/webchat/protocol.py, by the same names; a test compares them.

export interface Author {
  kind: "bot" | "agent" | "visitor" | "system";
  name?: string;
}

export interface TurnFile {
  ref: string;
  name: string;
  type: string;
  size: number;
}

export interface Turn {
  kind: "turn";
  seq: number;
  message: number;
  author: Author;
  at: string;
  text?: string;
  client_id?: string;
  sources?: { kind: string; title: string; url?: string }[];
  files?: TurnFile[];
  choices?: { label: string; value: string }[];
  state?: string;
}

export interface Wait {
  kind: "wait";
  online?: boolean;
  minutes?: number;
  ahead?: number;
  asked?: boolean;
  agent?: string;
  back_at?: string;
  calls?: boolean;
}

export interface OnCall {
  kind: "on_call";
  call: string;
  state: "ringing" | "incoming" | "taken" | "ended";
  who?: string;
  cause?: string;
  spoken?: boolean;
  ice?: RTCIceServer[];
}

export interface Signal {
  kind: "signal";
  call: string;
  data: string;
  seq?: number;
}

export interface AskRating {
  kind: "ask_rating";
  token: string;
  question?: string;
  measure?: string;
  asked?: string;
}

export interface Welcome {
  kind: "welcome";
  visitor: string;
  seq: number;
  seen?: number;
  turns?: Turn[];
  wait?: Wait;
  suggestions?: string[];
  proved?: string;
  ended?: boolean;
  rating?: AskRating;
  elsewhere?: boolean;
}

export interface Onward {
  kind: "onward";
  ways: { label: string; url: string; qr?: string }[];
  minutes: number;
}

export type FromDesk =
  | Welcome
  | Turn
  | Wait
  | AskRating
  | OnCall
  | Signal
  | Onward
  | { kind: "typing"; who?: string; on?: boolean }
  | { kind: "state"; message: number; state: string }
  | { kind: "code_sent"; mail: string }
  | { kind: "proved"; mail: string }
  | { kind: "rejected"; of: string; sentence: string; client_id?: string; again?: boolean }
  | { kind: "ended" }
  | { kind: "thanks" }
  | { kind: "beat" };

export interface Say {
  kind: "say";
  client_id: string;
  text?: string;
  files?: string[];
  page?: string;
}

export interface WantHuman {
  kind: "want_human";
  client_id: string;
  text: string;
  page?: string;
}

export interface Rate {
  kind: "rate";
  client_id: string;
  token: string;
  score: number;
  comment?: string;
  question?: string;
}

// Kept until the desk has answered for them.
export type Lasting = Say | WantHuman | Rate;

export type FromBrowser =
  | { kind: "hello"; key: string; visitor?: string; user?: string; after: number; page: string; language: string; heard?: number; zone?: string }
  | Lasting
  | { kind: "typing"; on: boolean }
  | { kind: "got"; seq: number }
  | { kind: "seen"; seq: number }
  | { kind: "claim_mail"; mail: string }
  | { kind: "code"; digits: string }
  | { kind: "visited"; client_id: string; steps: { name: string; page: string; ago: number }[]; ga?: string; gs?: string }
  | { kind: "end" }
  | { kind: "elsewhere"; words: string }
  | { kind: "enter"; code: string }
  | { kind: "dial" }
  | { kind: "pick_up"; call: string }
  | { kind: "hang_up"; call: string }
  | Signal;

// What the page was served with, for a first sight before any line is open.
export interface Setup {
  key: string;
  title: string;
  colour: string;
  greeting: string;
  suggestions: string[];
  origins: string[];
  privacy: string;
  assistant: string;
  words: Record<string, string>;
  file_limit: number;
  text_limit: number;
  files_per_turn: number;
}
