// What menus offer: agents, tags and prepared answers, fetched once.

import { json, type FaceData } from "../shared/net.ts";

export interface AgentChoice { id: number; name: string; initials: string; hue: number; presence: string; open: number; skills: string[] }
export interface Macro { name: string; text: string }
export interface Choices { me: number; agents: AgentChoice[]; tags: string[]; macros: Macro[] }

let coming: Promise<Choices> | null = null;

export function choices(): Promise<Choices> {
  coming ??= json<Choices>("/desk/choices").catch((trouble: unknown) => {
    coming = null;
    throw trouble;
  });
  return coming;
}

export const asFace = (agent: AgentChoice): FaceData => ({ ...agent, bot: false });
