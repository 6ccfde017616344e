import { setTimeout as delay } from "node:timers/promises";
import { NightshiftError, PermanentError, StoreUnavailable } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";
import { type KeptJson, keepJson } from "#core/large-json.ts";
import { LazyAbort } from "#core/lazy-abort.ts";
import { unstorable } from "#core/storable.ts";
import type { Delivery, Verdict } from "../engines/engine.ts";
import type { AttemptOutcome } from "../ledger/job-state.ts";
import type { Begun as Started } from "../ledger/ledger.ts";
import { withTrace } from "../observability/trace.ts";
import type { Prepared } from "../producer/producer.ts";
import { AttemptContext, type ContextTools } from "./context.ts";
import { type Decision, decide, type Ended } from "./decision.ts";
import { handlerOf } from "./handlers.ts";
import { AttemptTimedOut, type Interruption, LeaseLost } from "./interruption.ts";
import { readPayload } from "./payload.ts";

/** A handler that ignores its signal for this long is left behind: its slot is freed, and its lease no longer counts. */
export const defaultAbandonMs = 10_000;
/** How often a start or settle that is held because Postgres is away is tried again. */
const storeAwayMs = 1_000;

/** What one execution needs from its pool. */
export interface AttemptTools extends ContextTools {
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
  readonly #stop = new LazyAbort<Interruption>();
  /** Aborted when there is no time left to wait for Postgres. */
  readonly #giveUp = new LazyAbort<null>();
  #settling = false;
  #leased = false;
  /** What the ledger said at its start. */
  #started: Started | null = null;

  constructor(job: JobDefinition, delivery: Delivery, tools: AttemptTools) {
    this.#job = job;
    this.#delivery = delivery;
    this.#tools = tools;
    delivery.lost.onAbort(() => this.interrupt(new LeaseLost()));
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
    this.#giveUp.abort(null);
  }

  /** What it holds its job by in the ledger, to be renewed; `null` before the start, after the settle, and without a row. */
  get lease(): string | null {
    return this.#leased ? this.#delivery.lease : null;
  }

  /**
   * Its lease holds nothing: begin it again if that is because Postgres was killed and forgot the start. `false`: the job is in
   * other hands, or has ended. Rejects with StoreUnavailable.
   */
  async regain(): Promise<boolean> {
    if (!this.#started) return false;
    const claim = { id: this.jobId, lease: this.#delivery.lease, leaseMs: this.#job.queue.leaseMs };
    const restarted = await this.#tools.ledger.restart(claim, this.#started);
    if (restarted === "restarted") this.#tools.log.warn(this.#names(this.#started.attempt), "attempt.restarted");
    return restarted !== "lost";
  }

  /** Ask the handler to stop, for a reason. The first reason counts. */
  interrupt(reason: Interruption): void {
    this.#stop.abort(reason);
  }

  /** Never rejects: whatever happens becomes a verdict. */
  async execute(): Promise<Verdict> {
    try {
      const begun = this.#inLedger ? await this.#startHeld() : this.#startUnrecorded();
      if ("kind" in begun) return begun;
      const context = this.#context(begun);
      const ended = await this.#run(begun, context);
      const decision = this.#classify(context, ended);
      return await this.#settle(begun, decision, context.children);
    } catch (error) {
      this.#tools.log.error({ jobId: this.jobId, job: this.#job.name, err: error }, "attempt.could_not_settle");
      if (this.#giveUp.aborted) return { kind: "release" };
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
        if (this.#stop.aborted) return { kind: "release" };
      }
    }
  }

  /** A job whose payload travels with the message has no row: Redis is its record. */
  get #inLedger(): boolean {
    return this.#delivery.message.payload === undefined;
  }

  #startUnrecorded(): Begun {
    const { message, spent } = this.#delivery;
    const payload = { inline: message.payload, blob: null, version: message.payloadVersion ?? 1 };
    const waitMs = Math.max(0, this.#tools.clock.now() - message.acceptedAt);
    return this.#begin(spent + 1, payload, waitMs, message.traceparent);
  }

  async #start(): Promise<Begun | Verdict> {
    const { message, lease } = this.#delivery;
    const started = await this.#tools.ledger.start(message.id, lease, this.#job.queue.leaseMs);
    if (started.kind === "completed") return { kind: "complete" };
    if (started.kind === "refused") return { kind: "drop" };
    if (started.kind === "early") return { kind: "snooze", delayMs: started.delayMs };
    this.#leased = true;
    this.#started = started;
    const { attempt, payload: inline, payloadBlob: blob, payloadVersion: version, waitMs, traceparent } = started;
    return this.#begin(attempt, { inline, blob, version }, waitMs, traceparent ?? undefined);
  }

  #begin(number: number, payload: Begun["payload"], waitMs: number, traceparent: string | undefined): Begun {
    this.#tools.log.debug({ ...this.#names(number), waitMs: Math.round(waitMs) }, "attempt.started");
    return { number, payload, waitMs, traceparent, startedAt: this.#tools.clock.now() };
  }

  #names(attempt: number): { readonly jobId: string; readonly job: string; readonly attempt: number } {
    return { jobId: this.jobId, job: this.#job.name, attempt };
  }

  #context({ number, traceparent }: Begun): AttemptContext {
    const { tenant } = this.#delivery.message;
    const { lease } = this.#delivery;
    const regain = () => this.regain();
    const held = { ...this.#names(number), tenant, lease, inLedger: this.#inLedger, traceparent, regain };
    return new AttemptContext(held, this.#tools, this.#stop);
  }

  /** Run the handler until it ends, or until it has ignored its signal for too long. */
  async #run(begun: Begun, context: AttemptContext): Promise<Ended> {
    const timer = setTimeout(() => this.interrupt(new AttemptTimedOut(this.#job.timeoutMs)), this.#job.timeoutMs);
    let abandon: NodeJS.Timeout | undefined;
    const { promise: over, resolve: end } = Promise.withResolvers<Ended>();
    const handled = this.#handle(begun, context);
    void handled.then(end);
    const { abandonAfterMs: ignoredForMs = defaultAbandonMs } = this.#tools;
    this.#stop.onAbort((interruption) => {
      abandon = setTimeout(() => {
        const { code: reason } = interruption;
        context.log.error({ ignoredForMs, reason }, "attempt.abandoned");
        const { jobId } = this;
        this.#tools.onAbandoned?.({ job: this.#job, jobId, reason, ignoredForMs, ended: handled });
        end({ thrown: interruption });
      }, ignoredForMs);
    });
    const ended = await over;
    clearTimeout(timer);
    clearTimeout(abandon);
    this.#stop.onAbort(() => undefined); // a lease lost after the handler has ended is ignored by nobody
    context.end();
    return ended;
  }

  async #handle(begun: Begun, context: AttemptContext): Promise<Ended> {
    try {
      const handle = await handlerOf(this.#job);
      const payload = await readPayload(this.#job, begun.payload, this.#tools.services.blobs);
      if (this.#stop.aborted) throw this.#stop.reason;
      const names = { "nightshift.queue": this.#job.queue.name, "nightshift.tenant": context.tenant };
      const value = await withTrace(begun.traceparent, this.#job.name, names, (traceparent) => {
        if (traceparent !== undefined) context.traceparent = traceparent;
        return handle(payload, context);
      });
      const [problem] = unstorable(value, "");
      if (problem)
        throw new ResultUnstorable(`Expected a result that is JSON; ${problem.path || "it"}: ${problem.message}`);
      return { value };
    } catch (thrown) {
      return { thrown };
    }
  }

  #classify(context: AttemptContext, ended: Ended): Decision {
    const interruption = this.#stop.reason;
    if ("thrown" in ended && !interruption && !(ended.thrown instanceof NightshiftError))
      logForeign(context.log, ended.thrown);
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
    let counted = true;
    if (this.#started) counted = await this.#settleInLedger(this.#started, rest, children);
    else if (decision.state === "dead") await this.#keepDeadLetter(begun, decision);
    this.#leased = false;
    const outcome = !counted ? "lost" : decision.state === "dead" ? "dead" : decision.outcome;
    this.#tools.log.info(
      { ...this.#names(begun.number), durationMs: runMs, ...(decision.error && { code: decision.error.code }) },
      `attempt.${outcome}`,
    );
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
    started: Started,
    decision: Omit<Decision, "verdict">,
    children: readonly Prepared[],
  ): Promise<boolean> {
    const { ledger } = this.#tools;
    this.#settling = true;
    for (let tried = false; ; tried = true) {
      try {
        if (await this.#settleOnce(decision, children)) return true;
        if (tried && (await ledger.attemptOutcome(this.jobId, started)) === decision.outcome) return true;
        return (await this.regain()) && (await this.#settleOnce(decision, children));
      } catch (error) {
        if (!(error instanceof StoreUnavailable) || this.#giveUp.aborted) throw error;
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

  async #keepDeadLetter(begun: Begun, decision: Decision): Promise<void> {
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
