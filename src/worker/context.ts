import type { z } from "zod";
import type { Clock } from "#core/clock.ts";
import type { ChildOptions, HandlerContext, Log } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";
import type { LazyAbort } from "#core/lazy-abort.ts";
import type { Services } from "#core/services.ts";
import type { SqlRunner } from "#core/sql.ts";
import { LeaseNotHeld, type Ledger } from "../ledger/ledger.ts";
import type { Steps } from "../ledger/steps.ts";
import type { Prepared, Producer } from "../producer/producer.ts";
import { Children } from "./children.ts";
import type { Interruption } from "./interruption.ts";
import { ProgressReport } from "./progress-report.ts";
import { StepMemory } from "./step-memory.ts";

/** What a context hands on. */
export interface ContextTools {
  readonly ledger: Ledger;
  readonly services: Services;
  readonly clock: Clock;
  readonly log: Log;
  readonly producer: Producer;
  readonly steps: Steps;
  readonly thread: (module: URL, input: unknown, signal: AbortSignal) => Promise<unknown>;
}

/** Whose context it is. */
export interface Held {
  readonly jobId: string;
  readonly job: string;
  readonly tenant: string;
  readonly attempt: number;
  /** Proof of the claim. */
  readonly lease: string;
  /** The job has a row. */
  readonly inLedger: boolean;
  readonly traceparent: string | undefined;
  /** To be asked when the lease holds nothing: it does again, if nobody else has the job. */
  readonly regain: () => Promise<boolean>;
}

/**
 * A handler's `ctx`. Whatever it gives is made when the handler reaches for it: few use more than two of its parts, and all
 * of them together cost more than a small job. Each part is a getter that answers with a function, so that a handler may
 * also take `{ step }` out of it.
 */
export class AttemptContext implements HandlerContext {
  readonly #held: Held;
  readonly #tools: ContextTools;
  readonly #stop: LazyAbort<Interruption>;
  #log: Log | null = null;
  #steps: StepMemory | null = null;
  #children: Children | null = null;
  #progress: ProgressReport | null = null;
  #ended = false;
  /** The request's at first; then that of the span the handler runs in. */
  traceparent?: string;

  constructor(held: Held, tools: ContextTools, stop: LazyAbort<Interruption>) {
    this.#held = held;
    this.#tools = tools;
    this.#stop = stop;
    if (held.traceparent !== undefined) this.traceparent = held.traceparent;
  }

  get jobId(): string {
    return this.#held.jobId;
  }

  get job(): string {
    return this.#held.job;
  }

  get tenant(): string {
    return this.#held.tenant;
  }

  get attempt(): number {
    return this.#held.attempt;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get log(): Log {
    const { jobId, job, attempt } = this.#held;
    this.#log ??= this.#tools.log.child({ jobId, job, attempt });
    return this.#log;
  }

  get clock(): Clock {
    return this.#tools.clock;
  }

  get services(): Services {
    return this.#tools.services;
  }

  get progress() {
    return (fraction: number, note?: string): void => {
      const { jobId, lease, inLedger } = this.#held;
      this.#progress ??= new ProgressReport(this.#tools.ledger, jobId, lease, inLedger && !this.#ended);
      this.#progress.say(fraction, note ?? null);
    };
  }

  get step() {
    return <Value>(name: string, fn: () => Promise<Value> | Value): Promise<Value> => {
      this.#steps ??= new StepMemory(this.#tools.steps, this.#held);
      return this.#steps.run(name, fn);
    };
  }

  get enqueue() {
    return <Payload extends z.ZodType>(
      job: JobDefinition<Payload>,
      payload: z.input<Payload>,
      options?: ChildOptions,
    ): string => {
      const { jobId: id, tenant, traceparent } = this.#held;
      this.#children ??= new Children(this.#tools.producer, { id, tenant, traceparent });
      return this.#children.add(job, payload, options);
    };
  }

  get commit() {
    return <Value>(write: (sql: SqlRunner) => Promise<Value>): Promise<Value> => {
      const { jobId: id, lease, inLedger, regain } = this.#held;
      const commit = () => this.#tools.ledger.commit(inLedger ? { id, lease } : null, write);
      return commit().catch(async (error: unknown) => {
        if (error instanceof LeaseNotHeld && (await regain())) return commit();
        throw error;
      });
    };
  }

  get thread() {
    return <Input, Output>(module: URL, input: Input): Promise<Output> =>
      this.#tools.thread(module, input, this.#stop.signal) as Promise<Output>;
  }

  /** The children it enqueued. */
  get children(): readonly Prepared[] {
    return this.#children?.made ?? [];
  }

  /** The attempt is over: a handler that was left behind is not listened to any more. */
  end(): void {
    this.#ended = true;
    this.#progress?.stop();
  }
}
