import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "#core/clock.ts";
import { NightshiftError, PermanentError, StoreUnavailable } from "#core/errors.ts";
import type { Handler, HandlerContext, Log } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";
import { type KeptJson, keepJson } from "#core/large-json.ts";
import type { Services } from "#core/services.ts";
import { unstorable } from "#core/storable.ts";
import type { Delivery, Verdict } from "../engines/engine.ts";
import type { AttemptOutcome } from "../ledger/job-state.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Steps } from "../ledger/steps.ts";
import { withTrace } from "../observability/trace.ts";
import type { Prepared, Producer } from "../producer/producer.ts";
import { Children } from "./children.ts";
import { type Decision, decide, type Ended } from "./decision.ts";
import { AttemptTimedOut, type Interruption, LeaseLost } from "./interruption.ts";
import { readPayload } from "./payload.ts";
import { ProgressReport } from "./progress-report.ts";
import { StepMemory } from "./step-memory.ts";

/** A handler that ignores its signal for this long is left behind: its slot is freed, and its lease no longer counts. */
export const defaultAbandonMs = 10_000;
/** How often a start or settle that is held because Postgres is away is tried again. */
const storeAwayMs = 1_000;

/** What one execution needs from its pool. */
export interface AttemptTools {
  readonly ledger: Ledger;
  readonly services: Services;
  readonly clock: Clock;
  readonly log: Log;
  readonly producer: Producer;
  readonly steps: Steps;
  readonly thread: (module: URL, input: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly onEnd: (end: AttemptEnd) => void;
  readonly abandonAfterMs?: number;
  readonly onAbandoned?: (abandoned: AbandonedHandler) => void;
}

/** A handler that went on although its signal was aborted. */
export interface AbandonedHandler {
  readonly job: JobDefinition;
  readonly jobId: string;
  /** Code of the interruption it ignores. */
  readonly reason: string;
  readonly ignoredForMs: number;
  /** Resolves when it ends after all. */
  readonly ended: Promise<unknown>;
}

/** What metrics want to know of an ended attempt. */
export interface AttemptEnd {
  readonly job: JobDefinition;
  readonly tenant: string;
  readonly outcome: AttemptOutcome | "dead";
  /** From due to start. */
  readonly waitMs: number;
  readonly runMs: number;
}

/** An attempt that has begun. */
interface Begun {
  readonly number: number;
  readonly payload: KeptJson & { readonly version: number };
  readonly waitMs: number;
  readonly traceparent: string | undefined;
  readonly startedAt: number;
  readonly log: Log;
}

/** A result that could not be stored would leave the job open for ever. */
class ResultUnstorable extends PermanentError {
  readonly code = "result_unstorable";
}

/**
 * One execution of one job: start → prepare → run → classify → settle. The only place that reads what a handler returns
 * or throws. `stop` is aborted with an Interruption; the ledger is told the outcome before the engine is.
 */
export class Attempt {
  readonly #job: JobDefinition;
  readonly #delivery: Delivery;
  readonly #tools: AttemptTools;
  readonly #stop = new AbortController();
  /** Aborted when there is no time left to wait for Postgres. */
  readonly #giveUp = new AbortController();
  #settling = false;
  #leased = false;

  constructor(job: JobDefinition, delivery: Delivery, tools: AttemptTools) {
    this.#job = job;
    this.#delivery = delivery;
    this.#tools = tools;
    delivery.lost.addEventListener("abort", () => this.interrupt(new LeaseLost()), { once: true });
  }

  get jobId(): string {
    return this.#delivery.message.id;
  }

  get jobName(): string {
    return this.#job.name;
  }

  /** The handler has ended; the ledger is being told. */
  get settling(): boolean {
    return this.#settling;
  }

  /** Stop waiting for a Postgres that is away: the job goes back, and its lease says who may still settle it. */
  giveUp(): void {
    this.#giveUp.abort();
  }

  /** What it holds its job by in the ledger, to be renewed; `null` before the start, after the settle, and without a row. */
  get lease(): string | null {
    return this.#leased ? this.#delivery.lease : null;
  }

  /** Ask the handler to stop, for a reason. The first reason counts. */
  interrupt(reason: Interruption): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(reason);
  }

  /** Never rejects: whatever happens becomes a verdict. */
  async execute(): Promise<Verdict> {
    try {
      const begun = await this.#startHeld();
      if ("kind" in begun) return begun;
      const { id, tenant } = this.#delivery.message;
      const children = new Children(this.#tools.producer, { id, tenant, traceparent: begun.traceparent });
      const ended = await this.#run(begun, children);
      return await this.#settle(begun, this.#classify(begun, ended), children.made);
    } catch (error) {
      this.#tools.log.error({ jobId: this.jobId, job: this.#job.name, err: error }, "attempt.could_not_settle");
      if (this.#giveUp.signal.aborted) return { kind: "release" };
      return { kind: "snooze", delayMs: error instanceof StoreUnavailable ? storeAwayMs : storeAwayMs * 10 };
    }
  }

  /** While Postgres is away the job stays in hand: an engine that got it back would only bring it again. */
  async #startHeld(): Promise<Begun | Verdict> {
    for (;;) {
      try {
        return await this.#start();
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        this.#tools.log.warn({ jobId: this.jobId, job: this.#job.name }, "attempt.start_held");
        await pause(storeAwayMs, this.#stop.signal);
        if (this.#stop.signal.aborted) return { kind: "release" };
      }
    }
  }

  /** A job whose payload travels with the message has no row: Redis is its record. */
  get #inLedger(): boolean {
    return this.#delivery.message.payload === undefined;
  }

  async #start(): Promise<Begun | Verdict> {
    const { message, lease, spent } = this.#delivery;
    const startedAt = this.#tools.clock.now();
    const begin = (
      number: number,
      payload: Begun["payload"],
      waitMs: number,
      traceparent: string | undefined,
    ): Begun => {
      const log = this.#tools.log.child({ jobId: message.id, job: message.job, attempt: number });
      log.debug({ waitMs: Math.round(waitMs) }, "attempt.started");
      return { number, payload, waitMs, traceparent, startedAt, log };
    };
    if (!this.#inLedger) {
      const payload = { inline: message.payload, blob: null, version: message.payloadVersion ?? 1 };
      return begin(spent + 1, payload, Math.max(0, startedAt - message.acceptedAt), message.traceparent);
    }
    const started = await this.#tools.ledger.start(message.id, lease, this.#job.queue.leaseMs);
    if (started.kind === "completed") return { kind: "complete" };
    if (started.kind === "refused") return { kind: "drop" };
    if (started.kind === "early") return { kind: "snooze", delayMs: started.delayMs };
    this.#leased = true;
    const { payload: inline, payloadBlob: blob, payloadVersion: version } = started;
    return begin(started.attempt, { inline, blob, version }, started.waitMs, started.traceparent ?? undefined);
  }

  /** Run the handler until it ends, or until it has ignored its signal for too long. */
  async #run(begun: Begun, children: Children): Promise<Ended> {
    const timer = setTimeout(() => this.interrupt(new AttemptTimedOut(this.#job.timeoutMs)), this.#job.timeoutMs);
    const progress = new ProgressReport(this.#tools.ledger, this.jobId, this.#delivery.lease, this.#inLedger);
    let abandon: NodeJS.Timeout | undefined;
    const handled = this.#handle(begun, progress, children);
    const { promise: ignored, resolve: leaveBehind } = Promise.withResolvers<Ended>();
    const { signal } = this.#stop;
    const { abandonAfterMs: ignoredForMs = defaultAbandonMs } = this.#tools;
    const wait = () => {
      abandon = setTimeout(() => {
        const { code: reason } = signal.reason as Interruption;
        begun.log.error({ ignoredForMs, reason }, "attempt.abandoned");
        const { jobId } = this;
        this.#tools.onAbandoned?.({ job: this.#job, jobId, reason, ignoredForMs, ended: handled });
        leaveBehind({ thrown: signal.reason });
      }, ignoredForMs);
    };
    if (signal.aborted) wait();
    else signal.addEventListener("abort", wait, { once: true });
    try {
      return await Promise.race([handled, ignored]);
    } finally {
      clearTimeout(timer);
      clearTimeout(abandon);
      signal.removeEventListener("abort", wait); // a lease lost after the handler has ended is ignored by nobody
      progress.stop();
    }
  }

  async #handle(begun: Begun, progress: ProgressReport, children: Children): Promise<Ended> {
    try {
      const { handle } = (await this.#job.handler()) as { handle: Handler<unknown> };
      const payload = await readPayload(this.#job, begun.payload, this.#tools.services.blobs);
      this.#stop.signal.throwIfAborted();
      const { tenant } = this.#delivery.message;
      const names = { "nightshift.queue": this.#job.queue.name, "nightshift.tenant": tenant };
      const value = await withTrace(begun.traceparent, this.#job.name, names, (traceparent) =>
        handle(payload, this.#context(begun, progress, children, traceparent)),
      );
      const [problem] = unstorable(value, "");
      if (problem)
        throw new ResultUnstorable(`Expected a result that is JSON; ${problem.path || "it"}: ${problem.message}`);
      return { value };
    } catch (thrown) {
      return { thrown };
    }
  }

  #context(
    begun: Begun,
    progress: ProgressReport,
    children: Children,
    traceparent: string | undefined,
  ): HandlerContext {
    const { signal } = this.#stop;
    const { lease } = this.#delivery;
    const { jobId } = this;
    const inLedger = this.#inLedger;
    const steps = new StepMemory(this.#tools.steps, { jobId, lease, attempt: begun.number, inLedger });
    return {
      jobId,
      job: this.#job.name,
      tenant: this.#delivery.message.tenant,
      attempt: begun.number,
      ...(traceparent !== undefined && { traceparent }),
      signal,
      log: begun.log,
      clock: this.#tools.clock,
      services: this.#tools.services,
      progress: (fraction, note) => progress.say(fraction, note ?? null),
      step: (name, fn) => steps.run(name, fn),
      enqueue: (job, childPayload, options) => children.add(job, childPayload, options),
      commit: (write) => this.#tools.ledger.commit(inLedger ? { id: jobId, lease } : null, write),
      thread: <Input, Output>(module: URL, input: Input) =>
        this.#tools.thread(module, input, signal) as Promise<Output>,
    };
  }

  #classify(begun: Begun, ended: Ended): Decision {
    const { signal } = this.#stop;
    const interruption = signal.aborted ? (signal.reason as Interruption) : null;
    if ("thrown" in ended && !interruption && !(ended.thrown instanceof NightshiftError))
      logForeign(begun.log, ended.thrown);
    return decide(ended, {
      interruption,
      retry: this.#job.retry,
      spent: this.#delivery.spent + 1,
      attempts: this.#delivery.message.attempts,
      inLedger: this.#inLedger,
    });
  }

  async #settle(begun: Begun, decision: Decision, children: readonly Prepared[]): Promise<Verdict> {
    const { verdict, ...rest } = decision;
    const runMs = this.#tools.clock.now() - begun.startedAt;
    const counted = this.#inLedger
      ? await this.#settleInLedger(begun.number, rest, children)
      : await this.#keepDeadLetter(begun, decision);
    this.#leased = false;
    const outcome = !counted ? "lost" : decision.state === "dead" ? "dead" : decision.outcome;
    begun.log.info({ durationMs: runMs, ...(decision.error && { code: decision.error.code }) }, `attempt.${outcome}`);
    this.#tools.onEnd({
      job: this.#job,
      tenant: this.#delivery.message.tenant,
      outcome,
      waitMs: begun.waitMs,
      runMs,
    });
    return counted ? verdict : { kind: "drop" };
  }

  /**
   * The engine is told only after the ledger: while Postgres is away the settle is held and tried again, even when the
   * engine's claim was lost meanwhile, because the ledger's lease decides. One whose answer was lost may have counted.
   */
  async #settleInLedger(
    number: number,
    decision: Omit<Decision, "verdict">,
    children: readonly Prepared[],
  ): Promise<boolean> {
    const { ledger } = this.#tools;
    this.#settling = true;
    for (let tried = false; ; tried = true) {
      try {
        if (await this.#settleOnce(decision, children)) return true;
        return tried && (await ledger.attemptOutcome(this.jobId, number)) === decision.outcome;
      } catch (error) {
        if (!(error instanceof StoreUnavailable) || this.#giveUp.signal.aborted) throw error;
        if (!tried) this.#tools.log.warn({ jobId: this.jobId, job: this.#job.name }, "attempt.settle_held");
        await pause(storeAwayMs, this.#giveUp.signal);
      }
    }
  }

  async #settleOnce(decision: Omit<Decision, "verdict">, children: readonly Prepared[]): Promise<boolean> {
    const { ledger, producer, services } = this.#tools;
    const { inline: result, blob: resultBlob } = await keepJson(services.blobs, decision.result ?? null);
    const settlement = { id: this.jobId, lease: this.#delivery.lease, ...decision, result, resultBlob };
    if (decision.state !== "completed" || children.length === 0) return ledger.settle(settlement);
    const kept = await producer.keepLarge(children);
    const accepted = await ledger.settleWith(
      settlement,
      kept.map((child) => child.row),
    );
    if (accepted) producer.sendAccepted(kept, accepted);
    return accepted !== null;
  }

  async #keepDeadLetter(begun: Begun, decision: Decision): Promise<boolean> {
    if (decision.state !== "dead") return true;
    const { message, spent } = this.#delivery;
    await this.#tools.ledger.recordDead({
      ...message,
      queue: this.#job.queue.name,
      payload: message.payload ?? null,
      payloadVersion: message.payloadVersion ?? 1,
      retryAttempts: message.attempts,
      acceptedAt: new Date(message.acceptedAt),
      startedAt: new Date(begun.startedAt),
      spent: spent + 1,
      error: decision.error!,
    });
    return true;
  }
}

/** Resolves after `ms`, or when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal }).catch(() => undefined);
}

/**
 * An error of a library may quote addresses or statements in its message. The log gets its kind and its stack frames; the
 * message only at level debug, which is not for production.
 */
function logForeign(log: Log, thrown: unknown): void {
  const { name, code, stack } = (thrown ?? {}) as { name?: unknown; code?: unknown; stack?: unknown };
  const frames = typeof stack === "string" ? stack.split("\n").filter((line) => /^\s+at /.test(line)) : [];
  log.warn(
    { error: name ?? typeof thrown, code, frames: frames.slice(0, 12).map((line) => line.trim()) },
    "handler.threw",
  );
  log.debug({ err: thrown }, "handler.threw");
}
