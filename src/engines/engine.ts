import type { ErrorSummary } from "#core/errors.ts";
import type { LazyAbort } from "#core/lazy-abort.ts";
import type { Priority } from "#core/priority.ts";
import type { QueueDefinition } from "#core/queue.ts";

/**
 * What Nightshift asks of the thing that holds waiting work. Two implementations: `redis.ts` (BullMQ) and `postgres.ts`
 * (pg-boss); `test/engines/conformance.ts` runs against both with the same expectations.
 *
 * The engine owns waiting, claiming, leases, retry timing and the limit on stalls. It does not own history: that is the
 * ledger's. Differences that cannot be removed:
 *
 * - A released (drained) or stalled delivery comes back at the front of its queue on Redis, and at the place of its
 *   priority and age on Postgres.
 * - Waking an idle consumer takes milliseconds on Redis. On Postgres so does a dispatch, through a notification; a job
 *   that becomes due (delayed, retried, snoozed) is found by the next poll, up to 500 ms late.
 * - A dead worker's job is taken over within five thirds of a lease after its last renewal on Redis, four thirds on Postgres.
 * - Postgres takes an id only if it is a UUID, and ends a claim after 24 h however often it is renewed.
 * - Of a failed attempt Redis keeps the error's code and message (one line for Bull Board), Postgres its details too.
 * - When the store is away, `dispatch` answers with one error per message on Redis and rejects on Postgres, where up to
 *   1,000 messages are one transaction.
 * - `dispatch` of an id that the engine still holds is ignored by both, whatever the state of the held one.
 */
export interface Engine {
  readonly kind: "redis" | "postgres";

  /** Whether it takes messages now: the store answers and has room. Known to the second; a dispatch may fail all the same. */
  readonly open: boolean;
  /** Run whenever it takes messages again, until the returned function is called. */
  onOpen(run: () => void): () => void;

  /** Make the queues known to the engine. Safe to repeat, and with the store away. */
  start(queues: readonly QueueDefinition[]): Promise<void>;
  /** Close producer-side connections. Consumers are stopped by their owner. */
  stop(): Promise<void>;

  /**
   * Put messages into one queue, in order. Idempotent by `id`: an id the engine still holds is left as it is.
   * Resolves with one entry per message; a message refused on its own fails alone.
   */
  dispatch(queue: QueueDefinition, messages: readonly Message[]): Promise<readonly Dispatched[]>;

  /** Take a job that is waiting or delayed out of the queue. `false` when it is running or not there. */
  remove(queue: QueueDefinition, id: string): Promise<boolean>;

  /** Forget an ended job (or a stray one) so that its id can be dispatched again. `false` when it was not there. */
  forget(queue: QueueDefinition, id: string): Promise<boolean>;

  /** The engine's own view of one job, or `null`. The only record there is for `durability: "redis"`. */
  find(queue: QueueDefinition, id: string): Promise<EngineJob | null>;

  counts(queue: QueueDefinition): Promise<EngineCounts>;

  /** Jobs that a free slot would get now: 0 while the queue is paused or its rate limit used up. Rejects when it cannot tell. */
  ready(queue: QueueDefinition): Promise<number>;

  /** What the engine holds of these ids. One that it does not hold is missing from the answer. */
  holds(queue: QueueDefinition, ids: readonly string[]): Promise<ReadonlyMap<string, EngineHold>>;

  /**
   * Ids that wait or are delayed, page by page, beginning with the cursor `null`. What is there all the while is seen at
   * least once; what comes, goes or is claimed meanwhile may be seen or not.
   */
  waiting(queue: QueueDefinition, cursor: string | null): Promise<WaitingPage>;

  /** No consumer of any process begins a claim on the queue from now on; what is in hand goes on. Safe to repeat. */
  pause(queue: QueueDefinition): Promise<void>;
  /** Claim again. Safe to repeat. */
  resume(queue: QueueDefinition): Promise<void>;
  isPaused(queue: QueueDefinition): Promise<boolean>;

  /**
   * Claim messages and hand each to `process`, at most `queue.concurrency` at a time. `process` must not reject: a failure
   * is a verdict. A rejection is told to `onError`, and costs the job an attempt on Redis and a stall on Postgres.
   */
  consume(queue: QueueDefinition, process: (delivery: Delivery) => Promise<Verdict>, events: ConsumerEvents): Consumer;
}

export interface Message {
  /** The ledger's id. */
  readonly id: string;
  readonly job: string;
  readonly tenant: string;
  readonly priority: Priority;
  /** Attempts the retry policy allows; the engine counts the spent ones. */
  readonly attempts: number;
  /** Not before this many ms from now. */
  readonly delayMs: number;
  /**
   * The payload, only for `durability: "redis"`. A job with a ledger row travels as its id alone, so that Redis holds
   * nothing personal and stays small.
   */
  readonly payload?: unknown;
  /** Version of the payload's shape; absent: 1. Only with a payload. */
  readonly payloadVersion?: number;
  /** Only for `durability: "redis"`: of a job with a ledger row the ledger has seen to it. */
  readonly deduplicationKey?: string;
  readonly traceparent?: string;
  /** Epoch ms at which the job was accepted. */
  readonly acceptedAt: number;
}

/** `id` differs from the message's when the engine joined it to a living duplicate. */
export type Dispatched = { readonly ok: true; readonly id: string } | { readonly ok: false; readonly error: Error };

/** One claim on one job. */
export interface Delivery {
  readonly message: Omit<Message, "delayMs" | "priority">;
  /** Attempts already spent on failures before this one. */
  readonly spent: number;
  /** Proof of this claim: unique per delivery. */
  readonly lease: string;
  /** Aborted when the engine finds that the claim was lost. */
  readonly lost: Pick<LazyAbort<Error>, "aborted" | "onAbort">;
}

/** What the worker decided about a delivery. The ledger has been told before the engine is. */
export type Verdict =
  /** `result` is kept by the engine only for `durability: "redis"`. */
  | { readonly kind: "complete"; readonly result?: unknown }
  /** Spends an attempt and comes again after `delayMs`. */
  | { readonly kind: "retry"; readonly delayMs: number; readonly error: ErrorSummary }
  /** Spends the last attempt: kept as a dead letter for `keepFailedMs`. */
  | { readonly kind: "dead"; readonly error: ErrorSummary }
  /** Comes again after `delayMs`, unspent. */
  | { readonly kind: "snooze"; readonly delayMs: number }
  /** Waits again at once, unspent: the worker is draining. */
  | { readonly kind: "release" }
  /** The job is not to run (cancelled, expired or completed elsewhere): forget it. */
  | { readonly kind: "drop" };

export interface ConsumerEvents {
  /** The engine gave a job up without a worker's verdict: it stalled more than `maxStalled` times. */
  onDead(id: string, error: ErrorSummary): void;
  onError(error: Error): void;
}

/** The slots one worker process gives one queue. */
export interface Consumer {
  /** Resolves when the consumer is connected and claiming. */
  start(): Promise<void>;
  /** Stop claiming; deliveries in hand go on. Resolves once no new one can begin. */
  pause(): Promise<void>;
  /**
   * Stop claiming, wait for deliveries in hand and their verdicts, disconnect; after `withinMs` leave all the same, also
   * when the store hangs. `false`: something was left, which its lease will recover. Safe to call twice, and before `start`.
   */
  stop(withinMs: number): Promise<boolean>;
  /** Whether it could take work if there were any, as far as can be seen from here. */
  pulse(): Pulse;
  /** Deliveries in hand. */
  readonly running: number;
}

/** `alive` false: the loop that takes work has ended, or what it reads from is not connected. */
export interface Pulse {
  readonly alive: boolean;
  /** What was seen, for an incident: states of loops and connections. */
  readonly seen: Readonly<Record<string, string>>;
}

/** `stray`: something is left of it, but nothing that would ever deliver it. It blocks its id until it is forgotten. */
export type EngineHold = EngineJob["state"] | "stray";

export interface WaitingPage {
  readonly ids: readonly string[];
  /** For the next page; `null` on the last one. */
  readonly next: string | null;
}

export interface EngineCounts {
  readonly waiting: number;
  readonly delayed: number;
  readonly active: number;
  readonly failed: number;
  /**
   * For how long the oldest job that no worker holds has been due; 0 when none is. Due means accepted, or the end of its
   * last delay: a job that was released or lost its worker has been due all the while.
   */
  readonly oldestWaitingMs: number;
}

export interface EngineJob {
  readonly message: Omit<Message, "delayMs" | "priority">;
  readonly state: "waiting" | "delayed" | "active" | "completed" | "failed";
  /** Attempts of its policy that are used up, the completing one included. */
  readonly spent: number;
  readonly acceptedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly result: unknown;
  readonly error: ErrorSummary | null;
}
