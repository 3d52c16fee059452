// What is known of the chat: turns in the desk's order, then what is still on its way there.

import type { AskRating, Lasting, Say, Turn, Wait, WantHuman } from "./protocol.ts";

// A turn not yet answered for by the desk. `trouble` says why it was refused.
export interface Pending {
  frame: Say | WantHuman;
  files: { name: string; size: number }[];
  at: Date;
  trouble?: string;
}

export class Chat {
  turns: Turn[] = [];
  pending: Pending[] = [];
  cursor = 0;
  seen = 0;
  wait: Wait = { kind: "wait" };
  rating: AskRating | undefined;
  rated = false;
  ended = false;
  proved = "";
  elsewhere = false;
  typing = "";

  // Takes a turn from the desk, in any order, any number of times. True when it is news.
  take(turn: Turn): boolean {
    this.cursor = Math.max(this.cursor, turn.seq);
    if (turn.client_id) this.settle(turn.client_id);
    const known = this.turns.findIndex((other) => other.message === turn.message && other.seq === turn.seq);
    if (known >= 0) {
      this.turns[known] = turn;
      return false;
    }
    let place = this.turns.length;
    while (place > 0 && this.turns[place - 1]!.seq > turn.seq) place--;
    this.turns.splice(place, 0, turn);
    if (turn.author.kind === "agent" || turn.author.kind === "bot") this.typing = "";
    return true;
  }

  state(message: number, state: string) {
    const turn = this.turns.find((other) => other.message === message);
    if (turn) turn.state = state;
  }

  settle(client_id: string) {
    this.pending = this.pending.filter((one) => one.frame.client_id !== client_id);
  }

  refuse(client_id: string, sentence: string) {
    const one = this.pending.find((other) => other.frame.client_id === client_id);
    if (one) one.trouble = sentence;
  }

  get unread(): number {
    return this.turns.filter((turn) => turn.seq > this.seen && !["visitor", "system"].includes(turn.author.kind)).length;
  }

  get begun(): boolean {
    return this.turns.length + this.pending.length > 0;
  }
}

export function isTurn(frame: Lasting): frame is Say | WantHuman {
  return frame.kind !== "rate";
}
