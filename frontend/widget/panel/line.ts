// The line to the desk: a WebSocket, or polling where a network blocks WebSockets. It knows nothing
// of the chat; what must survive a broken line is the outbox's matter.

import type { FromBrowser, FromDesk } from "./protocol.ts";

export type LineState = "connecting" | "live" | "offline";

const OPENING = 5_000; // a socket that is not greeted by then counts as blocked
const SILENCE = 60_000; // the desk beats every 25 s
const SOCKET_AGAIN = 120_000; // while polling, how often a socket is tried again
const HOLD = 20; // seconds for which the desk may hold a poll

export class Line {
  private socket: WebSocket | undefined;
  private polling: AbortController | undefined;
  private failures = 0;
  private blocked = 0;
  private timer = 0;
  private watchdog = 0;
  private greeted = false;
  private stopped = true;
  state: LineState = "connecting";

  constructor(
    private base: string,
    private hello: () => FromBrowser,
    private hear: (frame: FromDesk) => void,
    private changed: (state: LineState) => void,
  ) {
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.lost());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  open() {
    this.stopped = false;
    this.connect();
  }

  // Hang up and greet again, because who we are has changed.
  again() {
    this.hangUp();
    this.failures = 0;
    this.connect();
  }

  // True when the frame was handed to the line; not a promise that it arrives.
  say(frame: FromBrowser): boolean {
    if (!this.greeted) return false;
    if (this.socket) this.socket.send(JSON.stringify(frame));
    else void this.poll([frame], 0).catch(() => this.lost());
    return true;
  }

  private connect() {
    clearTimeout(this.timer);
    if (this.stopped || this.socket || this.polling) return;
    this.tell("connecting");
    if (this.blocked >= 2) void this.pollOn();
    else this.dial();
  }

  private dial() {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}${this.base}/socket`);
    this.socket = socket;
    const impatience = setTimeout(() => socket.close(), OPENING);
    socket.onopen = () => socket.send(JSON.stringify(this.hello()));
    socket.onmessage = (event: MessageEvent<string>) => {
      if (this.socket !== socket) return;
      clearTimeout(impatience);
      this.blocked = 0;
      this.arrived(JSON.parse(event.data) as FromDesk);
    };
    socket.onclose = () => {
      clearTimeout(impatience);
      if (this.socket !== socket) return;
      if (!this.greeted && navigator.onLine) this.blocked++;
      this.lost();
    };
  }

  private arrived(frame: FromDesk) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.lost(), SILENCE);
    if (frame.kind === "welcome") {
      this.greeted = true;
      this.failures = 0;
      this.tell("live");
    }
    this.hear(frame);
  }

  private async pollOn() {
    const polling = new AbortController();
    this.polling = polling;
    const until = Date.now() + SOCKET_AGAIN;
    try {
      await this.poll([], 0, true);
      while (this.polling === polling && Date.now() < until) await this.poll([], HOLD);
    } catch {
      if (this.polling === polling) this.lost();
      return;
    }
    if (this.polling !== polling) return;
    this.hangUp();
    this.blocked = 1; // one more failure and we poll again
    this.connect();
  }

  private async poll(frames: FromBrowser[], wait: number, fresh = false) {
    const answer = await fetch(`${this.base}/poll`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ hello: this.hello(), frames, wait, fresh }),
      signal: this.polling?.signal ?? null,
    });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const heard = (await answer.json()) as { frames: FromDesk[] };
    heard.frames.forEach((frame) => this.arrived(frame));
  }

  private lost() {
    this.hangUp();
    this.tell(navigator.onLine ? "connecting" : "offline");
    if (this.stopped) return;
    const pause = Math.min(15_000, 400 * 2 ** this.failures++) * (0.6 + Math.random() * 0.8);
    if (this.failures > 2) this.tell("offline");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  private tell(state: LineState) {
    this.state = state;
    this.changed(state);
  }

  private hurry() {
    if (this.socket || this.polling) return;
    this.failures = 0;
    this.connect();
  }

  private hangUp() {
    clearTimeout(this.watchdog);
    const { socket, polling } = this;
    this.socket = this.polling = undefined;
    this.greeted = false;
    socket?.close();
    polling?.abort();
  }
}
