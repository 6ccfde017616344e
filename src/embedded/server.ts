import { setTimeout as delay } from "node:timers/promises";
import { NightshiftError } from "#core/errors.ts";
import type { Child, Knock } from "./child.ts";
import type { ServerDir } from "./server-dir.ts";

/** Where events go: facts first, then the constant name of the event. pino fits as it is. */
export interface Log {
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
}

/** What either server needs to know to start. */
export interface StartOptions {
  /** Directory of this server alone; made by the first start. */
  readonly path: string;
  /** Whether what was acknowledged must survive a power cut; off for tests. */
  readonly fsync: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  /** Aborted when nobody wants the server any more: whatever the start was doing is ended. */
  readonly signal: AbortSignal;
}

/** A server that answers. */
export interface RunningServer {
  readonly url: string;
  readonly pid: number;
  /** Fulfilled with how it ended; never rejected. */
  readonly exited: Promise<string>;
  /** Clean shutdown, then force. Safe to repeat. */
  stop(): Promise<void>;
}

/** A server, or what it needs to start, ended or stayed mute. The message carries the end of its log. */
export class ServerStartFailed extends NightshiftError {
  readonly code = "embedded_server_start_failed";

  constructor(name: string, found: string, dir: ServerDir) {
    super(
      `Expected ${name} to start, found: ${found}. ${dir.logTail() || "Its log is empty."} Whole log: ${dir.log}. Mend that, or name a server of your own in the environment.`,
      { log: dir.log },
    );
  }
}

interface Attempt {
  readonly name: string;
  readonly dir: ServerDir;
  readonly signal: AbortSignal;
  readonly knocks: readonly Knock[];
  /** Starts the process. Called again when it ended with a line of log that `isPassing` knows. */
  launch(): Promise<Child>;
  /** Whether it answers. May throw while it does not. */
  isReady(child: Child): Promise<boolean>;
  /** Whether the log speaks of something that goes away by itself, such as a predecessor that is still ending. */
  isPassing(logTail: string): boolean;
}

const startsWithinMs = 60_000; // replaying a long log after a crash takes its time
const passesWithinMs = 10_000;

/** Launch until the server answers. Whatever goes wrong, no process is left. */
export async function launchUntilReady(attempt: Attempt): Promise<Child> {
  const { name, dir, signal, knocks } = attempt;
  const begun = Date.now();
  for (;;) {
    signal.throwIfAborted();
    const child = await attempt.launch();
    let ended: string | undefined;
    child.exited.then((how) => {
      ended = how;
    });
    while (!ended && !signal.aborted && Date.now() - begun < startsWithinMs) {
      if (await attempt.isReady(child).catch(() => false)) return child;
      await delay(10); // both servers say "ready" to those who ask, not by an event
    }
    await child.stop(knocks);
    signal.throwIfAborted();
    const mayPass = ended && attempt.isPassing(dir.logTail()) && Date.now() - begun < passesWithinMs;
    if (!mayPass) throw new ServerStartFailed(name, ended ?? `no answer in ${startsWithinMs} ms`, dir);
    await delay(100);
  }
}
