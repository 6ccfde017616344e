import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** One signal, and how long the process may take over it before the next one is tried. */
export interface Knock {
  readonly signal: NodeJS.Signals;
  readonly waitMs: number;
}

/** A program that the guard runs and that does not outlive the guard. */
export interface Child {
  readonly pid: number;
  /** Fulfilled with how it ended, `code 1` or `SIGKILL`; never rejected. */
  readonly exited: Promise<string>;
  /** Send the signals in turn until the process is gone, then end what it left in its group. Safe to repeat. */
  stop(knocks?: readonly Knock[]): Promise<void>;
}

export interface ChildOptions extends Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid"> {
  /** Written to standard input, which is then closed. Keeps secrets out of the command line. */
  readonly input?: string;
  /** File descriptor of a log; both output streams go there. */
  readonly logFd?: number;
  /** What the kernel sends when the guard is killed outright; Linux only. */
  readonly whenGuardDies?: NodeJS.Signals;
}

const politeThenFirm: readonly Knock[] = [{ signal: "SIGTERM", waitMs: 2000 }];

/** Start a program in a process group of its own. Rejects when it cannot be started at all. */
export async function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
  const { input, logFd, whenGuardDies = "SIGTERM", ...rest } = options;
  const output = logFd ?? "ignore";
  const child = spawn(...tiedToUs(command, args, whenGuardDies), {
    ...rest,
    detached: process.platform !== "win32", // a Ctrl-C is for the clients; and one signal reaches the whole group
    stdio: [input === undefined ? "ignore" : "pipe", output, output],
  });
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
  });
  await once(child, "spawn"); // or rejects with the "error" event
  child.stdin?.on("error", () => {}); // it ended before it read its input: `exited` tells
  child.stdin?.end(input);
  const pid = child.pid!;

  return {
    pid,
    exited,
    async stop(knocks = politeThenFirm) {
      for (const { signal, waitMs } of knocks) {
        child.kill(signal);
        if (await settlesWithin(exited, waitMs)) break;
      }
      killGroup(pid);
      await exited;
    },
  };
}

/** Run a program to its end: `code 0` when it went well. Aborting ends it and everything it started, and throws. */
export async function runChild(
  command: string,
  args: readonly string[],
  { signal, ...options }: ChildOptions & { readonly signal: AbortSignal },
): Promise<string> {
  signal.throwIfAborted();
  const child = await startChild(command, args, options);
  const stop = () => void child.stop();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop(); // while it was being started
  const how = await child.exited;
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  return how;
}

/** Whether the promise settles in time. Leaves no timer behind. */
export async function settlesWithin(promise: Promise<unknown>, waitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const tooLate = delay(waitMs, false, { signal: timer.signal }).catch(() => false);
  const inTime = await Promise.race([promise.then(() => true), tooLate]);
  timer.abort();
  return inTime;
}

function killGroup(pid: number): void {
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // nobody left in it
  }
}

let canTie: boolean | undefined;

/**
 * The guard stops its servers whenever it gets to say anything. For a guard that is killed outright, the Linux kernel
 * signals the child: `setpriv` of util-linux arms that and then becomes the child, under the same pid.
 */
function tiedToUs(command: string, args: readonly string[], signal: NodeJS.Signals): [string, string[]] {
  const setpriv = "/usr/bin/setpriv";
  const flags = ["--pdeathsig", signal.replace("SIG", "")];
  canTie ??= process.platform === "linux" && spawnSync(setpriv, [...flags, "true"]).status === 0;
  return canTie ? [setpriv, [...flags, command, ...args]] : [command, [...args]];
}
