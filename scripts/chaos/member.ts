import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ProcessKind } from "../../src/supervisor.ts";

/** An end that nobody here brought about. */
export interface OwnEnd {
  readonly member: string;
  readonly how: string;
  readonly at: number;
}

const restartMs = 500;
const bootsWithinMs = 60_000;
const bootTries = 8; // a store may be away for some of them
const substitute = new URL("./substitute.ts", import.meta.url).href;

/**
 * One process of Nightshift that is killed, stopped and started again. It runs the program of `src/bin` with the chaos's
 * catalog. One that ends by itself is noted, and started again as a supervisor would.
 */
export class Member {
  readonly name: string;
  readonly logFile: string;
  readonly ownEnds: OwnEnd[] = [];
  readonly #kind: ProcessKind;
  readonly #env: Readonly<Record<string, string>>;
  #process: ChildProcess | null = null;
  #ready = Promise.withResolvers<void>();
  #isReady = false;
  #tries = 0;
  /** Ends are ours from here on. */
  #expected = false;
  #stopped = false;

  constructor(options: { kind: ProcessKind; name: string; logFile: string; env: Readonly<Record<string, string>> }) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#kind = options.kind;
    this.#env = options.env;
  }

  /** Resolves when the process says it is ready; rejects when it does not within a minute, or keeps ending before it is. */
  async start(signal: AbortSignal): Promise<void> {
    this.#expected = false;
    this.#isReady = false;
    this.#tries = 0;
    this.#ready = Promise.withResolvers<void>();
    this.#ready.promise.catch(() => undefined); // rejected when the run is over, which may be before anybody listens
    this.#launch();
    const timer = new AbortController();
    const late = delay(bootsWithinMs, undefined, { signal: AbortSignal.any([signal, timer.signal]) }).then(() => {
      throw new Error(`Expected ${this.name} to be ready within ${bootsWithinMs} ms. See ${this.logFile}`);
    });
    await Promise.race([this.#ready.promise, late]).finally(() => timer.abort());
  }

  /** SIGKILL. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#expected = true;
    await this.#end("SIGKILL");
  }

  /** Stop (SIGSTOP) or continue (SIGCONT) it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.kill(signal);
  }

  /** Let it drain; kill it when it overruns. Final, and safe to repeat. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true;
    this.#ready.reject(new Error("The run is over"));
    this.signal("SIGCONT");
    const timer = setTimeout(() => this.#process?.kill("SIGKILL"), deadlineMs);
    await this.#end("SIGTERM");
    clearTimeout(timer);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const living = this.#process;
    if (!living) return;
    const exit = once(living, "exit");
    living.kill(signal);
    await exit;
  }

  #launch(): void {
    if (this.#stopped) return;
    const output = openSync(this.logFile, "a", 0o600);
    const entry = fileURLToPath(new URL(`../../src/bin/${this.#kind}.ts`, import.meta.url));
    const flags = ["--disable-warning=ExperimentalWarning", `--import=${substitute}`];
    const child = spawn(...tiedToUs(process.execPath, [...flags, entry]), {
      env: this.#env,
      detached: true, // a Ctrl-C is for us
      stdio: ["ignore", output, output, "ipc"],
    });
    closeSync(output); // the child has its own
    this.#process = child;
    child.on("message", (message) => {
      if (!(message as { ready?: boolean }).ready) return;
      this.#isReady = true;
      this.#ready.resolve();
    });
    child.once("exit", (code, signal) => {
      if (this.#process === child) this.#process = null;
      if (this.#expected || this.#stopped) return;
      this.ownEnds.push({ member: this.name, how: signal ?? `exit code ${code}`, at: Date.now() });
      this.#tries += 1;
      if (!this.#isReady && this.#tries >= bootTries) return this.#ready.reject(this.#unfit());
      setTimeout(() => this.#launch(), restartMs).unref();
    });
  }

  #unfit(): Error {
    const failed = readFileSync(this.logFile, "utf8")
      .trim()
      .split("\n")
      .findLast((line) => line.includes('"process.failed"'));
    return new Error(`Expected ${this.name} to start, it ended ${bootTries} times: ${failed ?? `see ${this.logFile}`}`);
  }
}

let canTie: boolean | undefined;

/** The kernel kills the child when we are killed outright, also one that is stopped and would hear of nothing; Linux only. */
function tiedToUs(command: string, args: readonly string[]): [string, string[]] {
  const setpriv = "/usr/bin/setpriv";
  const flags = ["--pdeathsig", "KILL"];
  canTie ??= process.platform === "linux" && spawnSync(setpriv, [...flags, "true"]).status === 0;
  return canTie ? [setpriv, [...flags, command, ...args]] : [command, [...args]];
}
