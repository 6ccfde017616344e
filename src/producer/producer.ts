import { v7 as uuidv7 } from "uuid";
import type { z } from "zod";
import type { Clock } from "#core/clock.ts";
import { minutes, seconds } from "#core/duration.ts";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";
import { toProblems } from "#core/problems.ts";
import type { QueueDefinition } from "#core/queue.ts";
import { validTraceparent } from "#core/traceparent.ts";
import type { Engine, Message } from "../engines/engine.ts";
import type { Accepted, NewJob } from "../ledger/acceptance.ts";
import type { Database, SqlRunner } from "../ledger/database.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { toMessage } from "./message.ts";
import { type EnqueueOptions, enqueueOptions } from "./options.ts";
import type { Receipt } from "./receipt.ts";
import { unstorable } from "./storable.ts";

/** Beyond this the wait is a row in Postgres, whatever the queue's durability: Redis holds the present. */
const engineHorizonMs = minutes(1);
/** How long the relay leaves a row to the fast path of the process that accepted it. */
const fastPathGraceMs = seconds(3);

/** One job of a bulk enqueue. */
export interface Entry<Payload extends z.ZodType = z.ZodType> {
  readonly job: JobDefinition<Payload>;
  readonly payload: z.input<Payload>;
  readonly options?: EnqueueOptions;
}

/** What surrounds an enqueue. */
export interface EnqueueContext {
  /**
   * The caller's transaction: any object with pg-boss's `executeSql(text, values)`, such as an adapter of a Kysely, Drizzle,
   * Knex, Prisma or pg transaction. Rolled back, the job never was; committed, it always runs.
   */
  readonly in?: SqlRunner | undefined;
  /** W3C `traceparent` of the request; anything else is ignored, as the recommendation asks. */
  readonly traceparent?: string | undefined;
}

interface Prepared {
  readonly queue: QueueDefinition;
  readonly row: NewJob;
  readonly delayMs: number;
}

/**
 * Hands work over. A job is durable when `enqueue` resolves: committed in Postgres, or in Redis for queues that declare
 * `durability: "redis"`. Calls made at the same time share one commit.
 */
export class Producer {
  readonly #database: Database;
  readonly #ledger: Ledger;
  readonly #dispatcher: Dispatcher;
  readonly #engineOf: (queue: QueueDefinition) => Engine;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onAccepted: (receipt: Receipt) => void;

  constructor(options: {
    database: Database;
    ledger: Ledger;
    dispatcher: Dispatcher;
    engineOf: (queue: QueueDefinition) => Engine;
    clock: Clock;
    log: Log;
    onAccepted?: (receipt: Receipt) => void;
  }) {
    this.#database = options.database;
    this.#ledger = options.ledger;
    this.#dispatcher = options.dispatcher;
    this.#engineOf = options.engineOf;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#onAccepted = options.onAccepted ?? (() => undefined);
  }

  /**
   * Accept one job for `tenant`; with `in`, as part of the caller's transaction. Rejects with InvalidInput, or
   * StoreUnavailable when nothing could be recorded.
   */
  async enqueue<Payload extends z.ZodType>(
    tenant: string,
    job: JobDefinition<Payload>,
    payload: z.input<Payload>,
    options: EnqueueOptions = {},
    context: EnqueueContext = {},
  ): Promise<Receipt> {
    const prepared = this.#prepare(tenant, { job, payload, options }, context);
    if (Array.isArray(prepared)) throw new InvalidInput(`Job "${job.name}" was refused`, prepared);
    if (context.in) return (await this.#acceptWithin(context.in, [prepared]))[0]!;
    return this.#acceptOne(prepared);
  }

  /**
   * Accept many jobs, all or nothing: when one is refused none is recorded, and InvalidInput names every problem of every
   * entry under `jobs.<index>`. Receipts come in the order of the entries.
   */
  async enqueueMany(
    tenant: string,
    entries: readonly Entry[],
    context: EnqueueContext = {},
  ): Promise<readonly Receipt[]> {
    const problems: FieldProblem[] = [];
    const prepared: Prepared[] = [];
    for (const [index, entry] of entries.entries()) {
      const result = this.#prepare(tenant, entry, context);
      if (!Array.isArray(result)) prepared.push(result);
      else for (const problem of result) problems.push({ ...problem, path: `jobs.${index}.${problem.path}` });
    }
    if (problems.length > 0) throw new InvalidInput(`${entries.length} jobs were refused`, problems);
    if (context.in) return this.#acceptWithin(context.in, prepared);

    const receipts = new Map<Prepared, Receipt>();
    const recorded = prepared.filter((one) => !isRedisOnly(one));
    for (const [one, accepted] of await this.#recordTogether(recorded)) {
      const receipt = toReceipt(one, accepted);
      receipts.set(one, receipt);
      this.#accepted(one, receipt);
    }
    await Promise.all(
      prepared.filter(isRedisOnly).map(async (one) => {
        receipts.set(one, await this.#acceptOne(one));
      }),
    );
    return prepared.map((one) => receipts.get(one)!);
  }

  /** Every problem for which this entry would be refused; empty when it would be accepted. Writes nothing. */
  check(entry: Entry): readonly FieldProblem[] {
    const prepared = this.#prepare("", entry, {});
    return Array.isArray(prepared) ? prepared : [];
  }

  /** Check everything before anything is written; answers the problems when there are any. */
  #prepare(tenant: string, entry: Entry, context: EnqueueContext): Prepared | FieldProblem[] {
    const { job, options: given = {} } = entry;
    const unkept = [...unstorable(entry.payload, "payload"), ...unstorable(given, "")];
    if (unkept.some(({ code }) => code === "too_deep")) return unkept; // a schema would exhaust the stack over it
    const payload = job.payload.safeParse(entry.payload);
    const options = enqueueOptions.safeParse(given);
    const problems: FieldProblem[] = [
      ...unkept,
      ...(payload.error?.issues.flatMap((issue) => toProblems(issue, ["payload"])) ?? []),
      ...(options.error?.issues.flatMap((issue) => toProblems(issue, [])) ?? []),
    ];
    const now = this.#clock.now();
    const { data } = options;
    const runAt = data?.runAt ? new Date(data.runAt) : new Date(now);
    const expiresAt = data?.expiresAt ? new Date(data.expiresAt) : undefined;
    if (expiresAt && expiresAt.getTime() <= Math.max(now, runAt.getTime()))
      problems.push({ path: "expiresAt", message: "Expected an instant after now and after runAt", code: "too_early" });
    if (problems.length > 0 || !data) return problems;

    const delayMs = Math.max(0, runAt.getTime() - now);
    const scheduled = delayMs > engineHorizonMs;
    return {
      queue: job.queue,
      delayMs,
      row: {
        id: uuidv7(),
        tenant,
        job: job.name,
        queue: job.queue.name,
        priority: data.priority,
        payload: entry.payload,
        retryAttempts: job.retry.attempts,
        runAt,
        scheduled,
        relayGraceMs: scheduled || context.in ? 0 : fastPathGraceMs,
        expiresAt,
        deduplicationKey: data.deduplicationKey ?? job.deduplicate?.(payload.data),
        tags: data.tags,
        correlationId: data.correlationId,
        traceparent: validTraceparent(context.traceparent),
      },
    };
  }

  async #acceptOne(prepared: Prepared): Promise<Receipt> {
    const inRedis = isRedisOnly(prepared) ? await this.#acceptInRedis(prepared) : null;
    if (inRedis) return inRedis;
    const receipt = toReceipt(prepared, await this.#ledger.accept(prepared.row));
    this.#accepted(prepared, receipt);
    return receipt;
  }

  /** `null` when Redis did not take it: the job then becomes a row, which promises more, not less. */
  async #acceptInRedis(prepared: Prepared): Promise<Receipt | null> {
    const { row, queue } = prepared;
    const message: Message = {
      ...toMessage(row, this.#clock.now(), prepared.delayMs),
      payload: row.payload,
      ...(row.deduplicationKey !== undefined && { deduplicationKey: row.deduplicationKey }),
    };
    const [result] = await this.#engineOf(queue).dispatch(queue, [message]);
    if (!result?.ok) {
      this.#log.warn({ queue: queue.name, jobId: row.id, error: result?.error.message }, "dispatch.recorded_instead");
      return null;
    }
    const receipt = toReceipt(prepared, {
      id: result.id,
      state: "queued",
      acceptedAt: new Date(message.acceptedAt),
      runAt: row.runAt,
      duplicate: result.id !== row.id,
    });
    this.#onAccepted(receipt);
    return receipt;
  }

  async #acceptWithin(runner: SqlRunner, prepared: readonly Prepared[]): Promise<Receipt[]> {
    const accepted = await this.#ledger.acceptIn(
      runner,
      prepared.map((one) => one.row),
    );
    // Delivered by Postgres when, and only when, the caller commits.
    await runner.executeSql(`select pg_notify('${this.#database.schema}_relay', '')`);
    return prepared.map((one, index) => {
      const receipt = toReceipt(one, accepted[index]!);
      if (!receipt.duplicate) this.#onAccepted(receipt);
      return receipt;
    });
  }

  async #recordTogether(prepared: readonly Prepared[]): Promise<[Prepared, Accepted][]> {
    if (prepared.length === 0) return [];
    const rows = prepared.map((one) => one.row);
    const accepted = await this.#ledger.acceptTogether(rows);
    return prepared.map((one, index) => [one, accepted[index]!]);
  }

  #accepted(prepared: Prepared, receipt: Receipt): void {
    if (receipt.duplicate) return;
    this.#onAccepted(receipt);
    if (!prepared.row.scheduled)
      this.#dispatcher.send(prepared.queue, toMessage(prepared.row, Date.parse(receipt.acceptedAt), prepared.delayMs));
  }
}

function isRedisOnly(prepared: Prepared): boolean {
  return prepared.queue.durability === "redis" && !prepared.row.scheduled && prepared.row.expiresAt === undefined;
}

function toReceipt({ row }: Prepared, accepted: Accepted): Receipt {
  return {
    id: accepted.id,
    job: row.job,
    queue: row.queue,
    tenant: row.tenant,
    state: accepted.state,
    acceptedAt: accepted.acceptedAt.toISOString(),
    runAt: accepted.runAt.toISOString(),
    duplicate: accepted.duplicate,
  };
}
