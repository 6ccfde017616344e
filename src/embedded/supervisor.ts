import { setTimeout as delay } from "node:timers/promises";
import { NightshiftError } from "#core/errors.ts";
import type { Log, RunningServer } from "./server.ts";

/** Restarts within `windowMs` before we stop trying: something is wrong that starting again does not mend. */
const limit = { restarts: 5, windowMs: 60_000 };

/** Milliseconds before the nth restart: the first one comes at once. */
export function restartDelayMs(restart: number): number {
  return restart === 1 ? 0 : 100 * 2 ** (restart - 1);
}

/** The server died again and again. The next one who asks for it makes a new try. */
export class RestartsExhausted extends NightshiftError {
  readonly code = "embedded_server_keeps_dying";

  constructor(name: string) {
    super(
      `Expected ${name} to stay up, found it dead ${limit.restarts} times in ${limit.windowMs} ms. Read the log in its directory, then start again.`,
    );
  }
}

interface Options {
  readonly name: string;
  readonly log: Log;
  start(signal: AbortSignal): Promise<RunningServer>;
  /** Wait before the nth restart of the window; `restartDelayMs` unless told. */
  readonly delayMs?: (restart: number) => number;
}

/**
 * Keeps one server running. Idle until `start`; then starting, running, and, when the server dies unasked, restarting
 * on the same port and data. After too many restarts it gives up and is idle again: the next `start` is a new try.
 * `stop` ends it from any of these and is final.
 */
export class Supervisor {
  readonly #options: Options;
  readonly #stopping = new AbortController();
  #running: Promise<RunningServer> | undefined;
  #watch: Promise<void> = Promise.resolve();
  #restarts: number[] = []; // instants

  constructor(options: Options) {
    this.#options = options;
  }

  /** The URL, once the server answers. Callers share one start; a failed one may be tried again. */
  async start(): Promise<string> {
    if (!this.#running) {
      const running = this.#options.start(this.#stopping.signal);
      this.#running = running;
      running.then(
        (server) => {
          this.#watch = this.#restartWhenItDies(server);
        },
        () => {
          this.#running = undefined;
        },
      );
    }
    return (await this.#running).url;
  }

  /** Ends the server, also one that is only just starting. Fulfilled when its process is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const server = await this.#running?.catch(() => undefined);
    await server?.stop();
    await this.#watch;
  }

  async #restartWhenItDies(first: RunningServer): Promise<void> {
    const { name, log } = this.#options;
    let server: RunningServer | undefined = first;
    while (server) {
      const exit: string = await server.exited;
      await server.stop(); // what it left behind
      if (this.#stopping.signal.aborted) return;
      log.warn({ exit }, `${name}.died`);
      const restarted = this.#restart();
      this.#running = restarted;
      server = await restarted.catch(() => undefined);
    }
    this.#running = undefined;
  }

  async #restart(): Promise<RunningServer> {
    const { name, log, start, delayMs = restartDelayMs } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      this.#restarts = [...this.#restarts.filter((at) => at > Date.now() - limit.windowMs), Date.now()];
      const count = this.#restarts.length;
      try {
        if (count > limit.restarts) throw new RestartsExhausted(name);
        await delay(delayMs(count), undefined, { signal });
        const server = await start(signal);
        log.info({ pid: server.pid, restarts: count }, `${name}.restarted`);
        return server;
      } catch (error) {
        if (signal.aborted) throw error;
        log.error({ error: String(error), restarts: count }, `${name}.restart_failed`);
        if (error instanceof RestartsExhausted) throw error;
      }
    }
  }
}
