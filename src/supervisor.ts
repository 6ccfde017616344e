import { type ChildProcess, fork } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Log } from "#core/handler.ts";

export const processKinds = ["api", "worker", "scheduler", "dashboard"] as const;
export type ProcessKind = (typeof processKinds)[number];

const restartMs = { first: 500, most: 15_000 };
/** A child that has run this long starts again with the first delay. */
const soundMs = 30_000;

/** One supervised process, across its restarts. */
export interface Supervised {
  readonly kind: ProcessKind;
  /** Resolves when the process says it is ready; rejects when it ended before that. */
  readonly ready: Promise<void>;
  readonly pid: number | undefined;
}

class Child implements Supervised {
  readonly kind: ProcessKind;
  readonly #start: () => ChildProcess;
  readonly #log: Log;
  #process: ChildProcess;
  #ready = Promise.withResolvers<void>();
  #delayMs = restartMs.first;
  #startedAt = Date.now();
  #timer: NodeJS.Timeout | null = null;
  #stopping = false;

  constructor(kind: ProcessKind, start: () => ChildProcess, log: Log) {
    this.kind = kind;
    this.#start = start;
    this.#log = log;
    this.#process = this.#launch();
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get pid(): number | undefined {
    return this.#process.exitCode === null && this.#process.signalCode === null ? this.#process.pid : undefined;
  }

  /** Ask it to drain and wait for its end; kill it when it overruns. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.pid === undefined) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), deadlineMs);
    await ended;
    clearTimeout(timer);
  }

  #launch(): ChildProcess {
    const child = this.#start();
    this.#startedAt = Date.now();
    child.on("message", (message) => {
      if ((message as { ready?: boolean }).ready) this.#ready.resolve();
    });
    child.once("exit", (code, signal) => this.#ended(code, signal));
    // A process that cannot even be started (no memory, no process slots) is one that ended.
    child.once("error", (error) => {
      this.#log.error({ kind: this.kind, error: error.message }, "process.spawn_failed");
      if (child.pid === undefined) this.#ended(null, null);
    });
    this.#ready.promise.catch(() => undefined); // who waits hears of it; nobody waiting is no error
    return child;
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#ready.reject(
      new Error(`The ${this.kind} process ended before it was ready (${signal ?? `exit code ${code}`})`),
    );
    if (this.#stopping) return;
    if (Date.now() - this.#startedAt > soundMs) this.#delayMs = restartMs.first;
    this.#log.error({ kind: this.kind, code, signal, againInMs: this.#delayMs }, "process.ended");
    this.#timer = setTimeout(() => {
      this.#ready = Promise.withResolvers<void>();
      this.#process = this.#launch();
    }, this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, restartMs.most);
  }
}

/**
 * Runs Nightshift's processes as children and starts one that dies again. A child is in a process group of its own, so
 * that Ctrl-C reaches it once, through us; it ends by itself when we are gone.
 */
export class Supervisor {
  readonly #log: Log;
  readonly #watch: boolean;
  readonly #children: Child[] = [];

  /** `watch`: children reload when their source changes. */
  constructor(options: { log: Log; watch?: boolean }) {
    this.#log = options.log;
    this.#watch = options.watch ?? false;
  }

  /** `output`: where the process writes its log, across restarts; a file is appended to. */
  start(
    kind: ProcessKind,
    env: Readonly<Record<string, string | undefined>>,
    output: "inherit" | "ignore" | { readonly file: string },
  ): Supervised {
    const entry = fileURLToPath(new URL(`./bin/${kind}.ts`, import.meta.url));
    const execArgv = [
      "--disable-warning=ExperimentalWarning",
      ...(this.#watch ? ["--watch-preserve-output", "--watch"] : []),
    ];
    const launch = () => {
      const target = typeof output === "string" ? output : openSync(output.file, "a", 0o600);
      try {
        return fork(entry, [], {
          env: { ...process.env, ...env },
          execArgv,
          detached: true,
          stdio: ["ignore", target, target, "ipc"],
        });
      } finally {
        if (typeof target === "number") closeSync(target); // the child has its own
      }
    };
    const child = new Child(kind, launch, this.#log);
    this.#children.push(child);
    return child;
  }

  /** Stop all side by side: draining takes its time once. */
  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.#children.splice(0).map((child) => child.stop(deadlineMs)));
  }
}
