import { setTimeout as delay } from "node:timers/promises";
import { type Client, ProblemError } from "../../src/client/client.ts";
import { Random } from "./random.ts";
import { drawOrder, type Order, type Request } from "./request.ts";
import { chaosQueues } from "./work/jobs.ts";

/** One job that was asked for, and what the caller was told. */
export interface Asked extends Request {
  /** The caller's own name for it: how it is found when no answer came. */
  readonly correlationId: string;
  /** `accepted`: the promise was given. `refused`: the API said no. `unanswered`: the caller cannot know. */
  readonly answer: "accepted" | "refused" | "unanswered";
  /** Code of the refusal, or why there was no answer. */
  readonly why: string | null;
  /** `null` without an answer, and for jobs of a batch. */
  readonly id: string | null;
  /** Epoch ms of the answer. */
  readonly at: number;
}

/** One batch that was asked for and accepted. Its completion job has the correlation id `<name>-done`. */
export interface AskedBatch {
  readonly name: string;
  readonly id: string;
  readonly size: number;
}

const tickMs = 100;
const maxInFlight = 200; // requests; a client of ours does not pile up more on an API that does not answer
const againMs = 500;
const persistentForMs = 30_000;

/** Asks for jobs at a steady rate, cancels some, and remembers every answer. */
export class Load {
  readonly asked: Asked[] = [];
  readonly batches: AskedBatch[] = [];
  readonly #client: Client;
  readonly #random: Random;
  readonly #perTick: number;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #count = 0;

  constructor(options: { client: Client; seed: number; ratePerS: number }) {
    this.#client = options.client;
    this.#random = new Random(options.seed, "load");
    this.#perTick = (options.ratePerS * tickMs) / 1_000;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Ask for nothing more; resolves when every answer is there or given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#inFlight);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const beganAt = performance.now();
    let due = 0;
    for (let tick = 1; !signal.aborted; tick += 1) {
      for (due += this.#perTick; due >= 1; ) {
        const order = drawOrder(this.#random);
        due -= order.requests.length;
        if (this.#inFlight.size < maxInFlight) this.#track(this.#place(order));
      }
      const waitMs = Math.max(0, beganAt + tick * tickMs - performance.now());
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#inFlight.delete(tracked));
    this.#inFlight.add(tracked);
  }

  async #place({ form, persistent, requests }: Order): Promise<void> {
    this.#count += 1;
    const name = `chaos-${this.#count}`;
    const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
    const jobs = requests.map(({ job, payload, delayMs, expiresInMs }, index) => ({
      job,
      payload,
      correlationId: `${name}-${index + 1}`,
      ...(delayMs > 0 && { runAt: inMs(delayMs) }),
      ...(expiresInMs !== null && { expiresAt: inMs(expiresInMs) }),
    }));
    const key = persistent ? { idempotencyKey: name } : {};
    const send = async (): Promise<readonly (string | null)[]> => {
      if (form === "batch") {
        const completion = { job: `${chaosQueues[0]!.name}.batch-done`, payload: {}, correlationId: `${name}-done` };
        const { id } = await this.#client.batches.create(jobs, { completion, ...key });
        this.batches.push({ name, id, size: jobs.length });
        return jobs.map(() => null);
      }
      if (form === "many") return (await this.#client.enqueueMany(jobs, key)).map(({ id }) => id);
      const [{ job, payload, ...options }] = jobs as [(typeof jobs)[number]];
      return [(await this.#client.enqueue(job, payload, { ...options, ...key })).id];
    };
    const { answer, why, ids } = await insist(send, persistent);
    const at = Date.now();
    requests.forEach((request, index) => {
      const id = ids[index] ?? null;
      this.asked.push({ ...request, correlationId: jobs[index]!.correlationId, answer, why, id, at });
      if (request.cancelAfterMs !== null && id) this.#track(this.#cancel(id, request.cancelAfterMs));
    });
  }

  /** A cancel that fails is no loss: the job then ends in another way. */
  async #cancel(id: string, afterMs: number): Promise<void> {
    await delay(afterMs);
    await this.#client.cancel(id).catch(() => undefined);
  }
}

type Answer = Pick<Asked, "answer" | "why"> & { readonly ids: readonly (string | null)[] };

/** Send once; a persistent caller again and again while there is no answer or a "not now". */
async function insist(send: () => Promise<readonly (string | null)[]>, persistent: boolean): Promise<Answer> {
  const until = Date.now() + persistentForMs;
  for (;;) {
    try {
      return { answer: "accepted", why: null, ids: await send() };
    } catch (error) {
      const isProblem = error instanceof ProblemError;
      const mayPass = !isProblem || error.status === 503 || error.code === "idempotency_key_in_flight";
      if (!persistent || !mayPass || Date.now() > until)
        return isProblem
          ? { answer: "refused", why: error.code, ids: [] }
          : { answer: "unanswered", why: reasonOf(error), ids: [] };
      await delay(againMs);
    }
  }
}

/** `fetch` wraps what happened to the connection. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as Error;
  return (cause as { code?: string } | undefined)?.code ?? name;
}
