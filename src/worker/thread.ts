import { Piscina } from "piscina";
import { NightshiftError } from "#core/errors.ts";
import type { ThreadAnswer, ThreadTask } from "./thread-entry.ts";

/** An error that was thrown in a thread: classes do not cross, so code, message and details do. */
export class ThreadError extends NightshiftError {
  readonly code: string;
  override readonly permanent: boolean;

  constructor(error: Extract<ThreadAnswer, { ok: false }>["error"]) {
    super(error.message, error.details);
    this.code = error.code;
    this.permanent = error.permanent;
  }
}

/**
 * CPU-bound work beside the event loop, so that leases are renewed on time. Threads keep what a module warmed at load
 * (fonts). Each has a heap cap; after `recycleAfter` tasks per thread the whole set is replaced, so that a slow leak in a
 * library never grows; a task whose signal aborts is killed with its thread.
 */
export class ThreadPool {
  readonly #threads: number;
  readonly #warm: readonly string[];
  readonly #heapMb: number;
  readonly #recycleAfter: number;
  #piscina: Piscina;
  #tasks = 0;
  readonly #retired = new Set<Promise<void>>();

  constructor(options: { threads: number; warm?: readonly URL[]; heapMb?: number; recycleAfter?: number }) {
    this.#threads = options.threads;
    this.#warm = (options.warm ?? []).map((module) => module.href);
    this.#heapMb = options.heapMb ?? 512;
    this.#recycleAfter = options.recycleAfter ?? 1_000;
    this.#piscina = this.#create();
  }

  /** Run `run(input)` of a module in a thread. Rejects with ThreadError, or with the signal's reason. */
  async run(module: URL, input: unknown, signal: AbortSignal): Promise<unknown> {
    if (this.#tasks >= this.#recycleAfter * this.#threads) this.#recycle();
    this.#tasks += 1;
    const task: ThreadTask = { module: module.href, input };
    let answer: ThreadAnswer;
    try {
      answer = await this.#piscina.run(task, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
    if (!answer.ok) throw new ThreadError(answer.error);
    return answer.value;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#piscina.destroy(), ...this.#retired]);
  }

  #recycle(): void {
    const old = this.#piscina;
    this.#tasks = 0;
    this.#piscina = this.#create();
    const retirement = old.close().finally(() => this.#retired.delete(retirement));
    this.#retired.add(retirement);
  }

  #create(): Piscina {
    return new Piscina({
      filename: new URL("./thread-entry.ts", import.meta.url).href,
      minThreads: this.#threads,
      maxThreads: this.#threads,
      concurrentTasksPerWorker: 1,
      workerData: { warm: this.#warm },
      idleTimeout: Number.POSITIVE_INFINITY,
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMb },
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
  }
}
