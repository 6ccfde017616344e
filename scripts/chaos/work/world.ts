import { randomUUID } from "node:crypto";
import type { HandlerContext } from "#core/handler.ts";
import type { ChaosResult } from "./jobs.ts";

/** One execution of a handler in this process. */
export interface Run {
  readonly jobId: string;
  readonly attempt: number;
  readonly worker: string;
  readonly run: string;
}

const { CHAOS_WORLD: world, CHAOS_MEMBER: worker = "?" } = process.env;

export function beginRun({ jobId, attempt }: HandlerContext): Run {
  return { jobId, attempt, worker, run: randomUUID() };
}

export function resultOf({ attempt, run }: Run): ChaosResult {
  return { attempt, worker, run };
}

/** Change something outside that no rollback takes back, as mail is sent or a card is charged. */
export async function affect(kind: "keyed" | "plain", run: Run, what = ""): Promise<void> {
  const response = await fetch(`${world}/${kind}`, { method: "POST", body: JSON.stringify({ ...run, what }) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`Expected the world to take an effect, it answered ${response.status}`);
}

/** What a handler that is meant to fail fails with. */
export class MeantToFail extends Error {}
