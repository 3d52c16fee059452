// What this browser keeps between pages: who it is, what is still to be sent, whether it may chime.
// Where storage is refused the chat works until the page changes.

import type { Lasting } from "./protocol.ts";

const forgetful = new Map<string, string>();

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return forgetful.get(key) ?? null;
  }
}

function write(key: string, value: string) {
  try {
    localStorage.setItem(key, value);
  } catch {
    forgetful.set(key, value);
  }
}

function parsed<T>(key: string, otherwise: T): T {
  try {
    return (JSON.parse(read(key) ?? "null") as T | null) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export class Memory {
  // The shop's name for the customer who is signed in; "" for a stranger.
  private who = "";

  constructor(private key: string) {}

  // One token per customer of a shared computer: Kim's chat is not shown to Sam. What was said
  // before signing in goes along with the first who signs in.
  signedInAs(id: string): boolean {
    if (id === this.who) return false;
    const tokens = this.tokens();
    if (id && !tokens[id] && tokens[""]) {
      tokens[id] = tokens[""];
      delete tokens[""];
      write(this.name("visitors"), JSON.stringify(tokens));
      write(this.name("outbox", id), read(this.name("outbox", "")) ?? "[]");
      write(this.name("outbox", ""), "[]");
    }
    this.who = id;
    return true;
  }

  get token(): string | undefined {
    return this.tokens()[this.who];
  }

  set token(token: string) {
    write(this.name("visitors"), JSON.stringify({ ...this.tokens(), [this.who]: token }));
  }

  get outbox(): Lasting[] {
    return parsed<Lasting[]>(this.name("outbox", this.who), []);
  }

  keep(frame: Lasting) {
    write(this.name("outbox", this.who), JSON.stringify([...this.outbox, frame]));
  }

  drop(client_id: string) {
    const rest = this.outbox.filter((frame) => frame.client_id !== client_id);
    write(this.name("outbox", this.who), JSON.stringify(rest));
  }

  get draft(): string {
    return read(this.name("draft", this.who)) ?? "";
  }

  set draft(text: string) {
    write(this.name("draft", this.who), text);
  }

  get quiet(): boolean {
    return read(this.name("quiet")) === "1";
  }

  set quiet(on: boolean) {
    write(this.name("quiet"), on ? "1" : "0");
  }

  private tokens(): Record<string, string> {
    return parsed<Record<string, string>>(this.name("visitors"), {});
  }

  private name(what: string, who?: string) {
    return `parley:${this.key}:${what}${who === undefined ? "" : `:${who}`}`;
  }
}

// The customer's id inside the shop's signed token; the desk checks the signature, not we.
export function customerIn(token: string): string {
  try {
    const payload = token.split(".")[0]!.replaceAll("-", "+").replaceAll("_", "/");
    const letters = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    return `${(JSON.parse(new TextDecoder().decode(letters)) as { id?: unknown }).id ?? ""}`;
  } catch {
    return "";
  }
}

// 128 random bits; randomUUID is missing on pages without TLS.
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
