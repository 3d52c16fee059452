// A call, as the visitor sees it: a strip above the composer. Loaded with the first call; the sound is in shared/voice.ts.

import { clockOf, microphone, ring, Voice } from "../../shared/voice.ts";
import { h, icon, type Shape } from "./dom.ts";
import type { FromBrowser, OnCall, Signal } from "./protocol.ts";
import { t } from "./words.ts";

interface CallHands {
  say(frame: FromBrowser): boolean;
  /** A call came in: show the panel. */
  rings(): void;
  /** A call began or ended. */
  changed(): void;
}

export class CallSheet {
  private call: OnCall | undefined;
  private mic: MediaStream | undefined;
  private voice: Voice | undefined;
  private dialing = false;
  private begun = 0;
  private clock = 0;
  private early: Signal[] = [];
  private quiet = () => {};

  constructor(
    private place: HTMLElement,
    private hands: CallHands,
  ) {
    addEventListener("pagehide", () => this.call && this.mic && hands.say({ kind: "hang_up", call: this.call.call }));
  }

  /** They came by a link in order to speak. */
  invite() {
    this.draw(t("Speak with us"), t("Your microphone is asked for when you call."), act("phone", t("Call"), "primary", () => void this.dial()));
  }

  async dial() {
    if (this.dialing || this.mic) return;
    this.dialing = true;
    this.draw(t("Calling"), t("The microphone is needed for this."), this.end(() => this.over()));
    if (!(await this.listen())) return;
    if (!this.hands.say({ kind: "dial" })) this.over(t("You are offline. Try again when you are back online."));
  }

  /** The desk cannot ring; why is said by the panel. */
  refused() {
    if (this.dialing) this.over();
  }

  take(call: OnCall) {
    const mine = this.call?.call === call.call;
    if (call.state === "ended") return mine && this.ended(call);
    if (call.state === "incoming" && !this.mic) return this.incoming(call);
    if (!this.mic) {
      if (mine) this.over(); // another page of theirs picked up
      return;
    }
    if (!mine && !this.dialing) return;
    this.call = call;
    if (call.state === "ringing") this.draw(t("Calling"), t("It rings at the desk."), this.end(() => this.hangUp()));
    if (call.state === "taken") this.connect(call);
  }

  heard(signal: Signal) {
    if (this.call?.call !== signal.call || !this.mic) return;
    if (this.voice) this.voice.take(signal.seq ?? 0, signal.data);
    else this.early.push(signal);
  }

  private incoming(call: OnCall) {
    if (this.call?.call === call.call) return;
    this.call = call;
    this.quiet = ring();
    this.hands.rings();
    this.draw(t("{name} calls you", { name: call.who || t("Somebody") }), "",
      act("phone", t("Accept"), "primary", () => void this.accept(call)), this.end(() => this.hangUp(), t("Decline")));
    this.place.querySelector("button")!.focus();
  }

  private async accept(call: OnCall) {
    this.quiet();
    if (!(await this.listen())) return this.hands.say({ kind: "hang_up", call: call.call });
    this.draw(call.who || t("Somebody"), t("Connecting"), this.end(() => this.hangUp()));
    this.hands.say({ kind: "pick_up", call: call.call });
  }

  private async listen(): Promise<boolean> {
    try {
      this.mic = await microphone();
      return true;
    } catch {
      this.over(t("The microphone cannot be used. Allow it for this page, and see that one is plugged in."));
      return false;
    }
  }

  private connect(call: OnCall) {
    if (this.voice || !this.mic) return;
    this.dialing = false;
    const name = call.who || t("Somebody");
    this.draw(name, t("Connecting"), this.end(() => this.hangUp()));
    this.voice = new Voice(this.mic, call.ice ?? [], {
      send: (data) => this.hands.say({ kind: "signal", call: call.call, data }),
      connected: () => this.speaking(name),
      shaken: () => this.state(t("The connection is shaky")),
      lost: () => this.hangUp(t("The connection was lost")),
    });
    for (const signal of this.early.splice(0)) this.voice.take(signal.seq ?? 0, signal.data);
  }

  private speaking(name: string) {
    this.state("");
    if (this.begun) return;
    this.begun = Date.now();
    const mute = act("sound", t("Mute"), "primary plain", () => {
      this.voice!.muted = !this.voice!.muted;
      mute.setAttribute("aria-pressed", `${this.voice!.muted}`);
      mute.replaceChildren(icon(this.voice!.muted ? "mute" : "sound", 16), this.voice!.muted ? t("Unmute") : t("Mute"));
    });
    mute.setAttribute("aria-pressed", "false");
    this.draw(t("You are speaking with {name}", { name }), "0:00", mute, this.end(() => this.hangUp()));
    this.clock = window.setInterval(() => this.tick(), 500);
  }

  private tick() {
    const time = this.place.querySelector("time");
    if (time) time.textContent = clockOf((Date.now() - this.begun) / 1000);
  }

  private ended(call: OnCall) {
    const missed = this.dialing || call.cause === "noAnswer" || call.cause === "unreachable";
    this.over(this.begun || !this.mic ? t("The call is over") : missed ? t("Nobody could answer. We see that you called and come back to you.") : t("The call is over"));
  }

  private hangUp(words = t("The call is over")) {
    if (this.call) this.hands.say({ kind: "hang_up", call: this.call.call });
    this.over(words);
  }

  private over(words = "") {
    this.quiet();
    this.voice?.end();
    for (const track of this.mic?.getTracks() ?? []) track.stop();
    clearInterval(this.clock);
    this.call = this.mic = this.voice = undefined;
    this.begun = 0;
    this.dialing = false;
    this.early = [];
    if (words) this.draw(words, "", act("close", t("Close"), "primary plain", () => this.clear()));
    else this.clear();
  }

  private clear() {
    this.place.replaceChildren();
    this.hands.changed();
  }

  private state(words: string) {
    const place = this.place.querySelector("small");
    if (words && place) place.textContent = words;
  }

  private draw(title: string, more: string, ...buttons: HTMLElement[]) {
    const clock = /^\d/.test(more);
    this.place.replaceChildren(h("section", { class: "calling", "aria-label": t("Call") },
      h("p", { role: "status" }, title, more && h("small", {}, clock ? h("time", { "aria-live": "off" }, more) : more)), ...buttons));
    this.hands.changed();
  }

  private end(run: () => void, label = t("Hang up")): HTMLElement {
    return act("close", label, "primary plain", run);
  }
}

function act(shape: Shape, label: string, look: string, run: () => void): HTMLElement {
  return h("button", { type: "button", class: look, onclick: run }, icon(shape, 16), label);
}
