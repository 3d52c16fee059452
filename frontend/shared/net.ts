// Talks to the server: every act answers with the same change that live pages receive.

import { t } from "./words.ts";

export interface FaceData { name: string; initials: string; hue: number; id: number | null; presence: string; bot: boolean }

export interface Facts {
  status: string;
  subject: string;
  assignee: FaceData | null;
  tags: string[];
  snoozed_until: string | null;
  waiting_since: string | null;
  due: string | null;
  near: string | null;
  promise: string;
}

export interface Change {
  seq: number;
  kind: string;
  conversation: number;
  row?: string | null;
  turns?: string;
  facts?: Facts;
  found?: boolean;
  counts?: Record<string, number>;
}

export class Trouble extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const csrf = (): string => document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content ?? "";

async function ask(method: string, url: string, headers: Record<string, string>, body?: BodyInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { method, body, headers: { "x-csrf-token": csrf(), ...headers }, credentials: "same-origin" });
  } catch {
    throw new Trouble(0, t("No connection. Nothing was lost; try again when you are back online."));
  }
  if (answer.redirected && new URL(answer.url).pathname === "/login") location.assign(answer.url);
  if (!answer.ok) throw new Trouble(answer.status, await said(answer));
  return answer;
}

async function said(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const detail = (JSON.parse(text) as { detail?: string }).detail;
    if (detail) return detail;
  } catch {
    // not JSON: a page or nothing
  }
  return t("The server refused ({status}).", { status: answer.status });
}

/** A piece of a page. */
export async function fragment(url: string, piece: string): Promise<string> {
  return (await ask("GET", url, { "x-fragment": piece })).text();
}

/** A piece of a page that is made of what somebody typed. */
export async function pieceOf(url: string, fields: Record<string, string>): Promise<string> {
  return (await ask("POST", url, {}, new URLSearchParams(fields))).text();
}

export async function json<T>(url: string): Promise<T> {
  return (await ask("GET", url, { accept: "application/json" })).json() as Promise<T>;
}

/** An act; `null` when the server has nothing to add. */
export async function act(method: string, url: string, fields: Record<string, string> | FormData = {}): Promise<Change | null> {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  const empty = !(fields instanceof FormData) && Object.keys(fields).length === 0;
  const answer = await ask(method, url, { "x-fragment": "change", accept: "application/json" }, empty ? undefined : body);
  return answer.status === 204 ? null : ((await answer.json()) as Change);
}
