import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How the two sides of a `Remote` talk besides its arguments and its result. */
export interface Wire {
  say(value: unknown): void;
  /** The next thing that the other side said. Rejects when it has ended. */
  heard<T>(): Promise<T>;
}

/** A function at work in a process of its own. */
export interface Remote<Result> extends Wire {
  readonly result: Promise<Result>;
}

export type RemoteLine =
  | { readonly kind: "call"; readonly args: unknown }
  | { readonly kind: "said"; readonly value: unknown }
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "threw"; readonly error: string };

/** Nothing here takes longer by itself, unless it says so; what does hangs, and must not take the bench with it. */
const usualCeilingMs = 120_000;
const running = new Set<() => void>();

/**
 * Call `module`'s exported function `name` in a fresh process: as in production a producer and a worker share no event
 * loop, and no sample inherits what the compiler learned in another. Standard output goes nowhere (the log of a worker is
 * written, and paid for), errors come through. `profile` leaves a .cpuprofile there. It must return within `ceilingMs`.
 */
export function remote<Result>(
  module: string,
  name: string,
  args: unknown,
  {
    profile,
    ceilingMs = usualCeilingMs,
  }: {
    readonly profile?: { readonly dir: string; readonly name: string };
    readonly ceilingMs?: number | undefined;
  } = {},
): Remote<Result> {
  const flags = profile ? ["--cpu-prof", `--cpu-prof-dir=${profile.dir}`, `--cpu-prof-name=${profile.name}`] : [];
  const child = fork(fileURLToPath(new URL("./remote-entry.ts", import.meta.url)), [module, name], {
    execArgv: ["--disable-warning=ExperimentalWarning", ...flags],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const inbox = new Inbox();
  const { promise: result, resolve, reject } = Promise.withResolvers<Result>();
  const kill = () => child.kill("SIGKILL");
  const timer = setTimeout(() => {
    fail(new Error(`Expected ${name} to end within ${ceilingMs} ms, it did not`));
    kill();
  }, ceilingMs);
  running.add(kill);
  let value: Result;
  const fail = (error: Error) => {
    reject(error);
    inbox.close(error);
  };
  child.on("message", (line: RemoteLine) => {
    if (line.kind === "said") inbox.put(line.value);
    else if (line.kind === "threw") fail(new Error(`${name}: ${line.error}`));
    else if (line.kind === "returned") value = line.value as Result;
  });
  child.on("error", fail);
  child.once("exit", (code, signal) => {
    clearTimeout(timer);
    running.delete(kill);
    const early = new Error(`Expected ${name} to return, its process ended (${signal ?? `exit code ${code}`})`);
    if (code === 0) resolve(value); // before the inbox closes: nothing went wrong, it is only not heard any more
    fail(early);
  });
  result.catch(() => undefined); // whoever waits hears of it, also one who only waits for a word
  child.send({ kind: "call", args } satisfies RemoteLine);
  return {
    result,
    say: (value) => void child.send({ kind: "said", value } satisfies RemoteLine),
    heard: <T>() => inbox.take() as Promise<T>,
  };
}

/** End every function at work: the bench was interrupted. */
export function killRemotes(): void {
  for (const kill of running) kill();
}

/** What was said and not yet heard. */
export class Inbox {
  readonly #said: unknown[] = [];
  readonly #hearers: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  #closed: Error | null = null;

  put(value: unknown): void {
    const hearer = this.#hearers.shift();
    if (hearer) hearer.resolve(value);
    else this.#said.push(value);
  }

  take(): Promise<unknown> {
    if (this.#said.length > 0) return Promise.resolve(this.#said.shift());
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => this.#hearers.push({ resolve, reject }));
  }

  /** The first reason counts. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#hearers.splice(0)) reject(reason);
  }
}
