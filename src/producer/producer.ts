import type { z } from "zod";
import type { Clock } from "#core/clock.ts";
import { minutes, seconds } from "#core/duration.ts";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import { InstantText } from "#core/instant-text.ts";
import type { DoorServices, JobDefinition } from "#core/job.ts";
import { keepJson } from "#core/large-json.ts";
import { toProblems } from "#core/problems.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { BlobStore } from "#core/services.ts";
import type { SqlRunner } from "#core/sql.ts";
import { unstorable } from "#core/storable.ts";
import { validTraceparent } from "#core/traceparent.ts";
import type { Engine, Message } from "../engines/engine.ts";
import type { Accepted, NewJob } from "../ledger/acceptance.ts";
import type { Database } from "../ledger/database.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { newJobId } from "./job-id.ts";
import { toMessage } from "./message.ts";
import { type EnqueueOptions, enqueueOptions } from "./options.ts";
import type { Receipt } from "./receipt.ts";
import { Requeue } from "./requeue.ts";

/** Beyond this the wait is a row in Postgres, whatever the queue's durability: Redis holds the present. */
const engineHorizonMs = minutes(1);
/** How long the relay leaves a row to the fast path of the process that accepted it. */
const fastPathGraceMs = seconds(3);

/** Rows that a transaction inserts at once. */
const rowsPerStatement = 1_000;

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
  /** Told what to do once `in` has committed: the jobs then take the fast path. Without it they wait for the relay. */
  readonly afterCommit?: ((run: () => void) => void) | undefined;
  readonly batchId?: string | undefined;
  /** It is an application that asks, and can be told to come later: jobs take their last look (`JobDefinition.admit`). */
  readonly atDoor?: boolean | undefined;
  /** W3C `traceparent` of the request; anything else is ignored, as the recommendation asks. */
  readonly traceparent?: string | undefined;
}

/** A transaction of ours. */
export interface OwnTransaction extends EnqueueContext {
  readonly in: SqlRunner;
  readonly afterCommit: (run: () => void) => void;
}

/** A job that was checked and can be accepted. */
export interface Prepared {
  readonly queue: QueueDefinition;
  readonly row: NewJob;
  readonly delayMs: number;
}

/** Who enqueues from inside a handler. */
export interface Parent {
  readonly id: string;
  readonly tenant: string;
  readonly traceparent: string | undefined;
}

/**
 * Hands work over. A job is durable when `enqueue` resolves: committed in Postgres, or in Redis for queues that declare
 * `durability: "redis"`. Calls made at the same time share one commit.
 */
export class Producer {
  readonly #database: Database;
  readonly #ledger: Ledger;
  readonly #dispatcher: Dispatcher;
  readonly #requeue: Requeue;
  readonly #engineOf: (queue: QueueDefinition) => Engine;
  readonly #blobs: BlobStore;
  readonly #services: DoorServices;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onAccepted: (receipt: Receipt) => void;

  constructor(options: {
    database: Database;
    ledger: Ledger;
    dispatcher: Dispatcher;
    engineOf: (queue: QueueDefinition) => Engine;
    services: DoorServices;
    clock: Clock;
    log: Log;
    onAccepted?: (receipt: Receipt) => void;
  }) {
    this.#database = options.database;
    this.#ledger = options.ledger;
    this.#dispatcher = options.dispatcher;
    this.#engineOf = options.engineOf;
    this.#requeue = new Requeue(options);
    this.#services = options.services;
    this.#blobs = options.services.blobs;
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
    const [dangling = []] = await this.#danglingOf(tenant, [{ job, payload }], context);
    if (dangling.length > 0) throw new InvalidInput(`Job "${job.name}" was refused`, dangling);
    await this.#admit(tenant, [{ job, payload }], context);
    const kept = await this.#keepLarge(prepared);
    if (context.in) return (await this.#acceptWithin(context.in, [kept], context))[0]!;
    return this.#acceptOne(kept);
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
    const checked: Prepared[] = [];
    for (const [index, entry] of entries.entries()) {
      const result = this.#prepare(tenant, entry, context);
      if (!Array.isArray(result)) checked.push(result);
      else for (const problem of result) problems.push({ ...problem, path: `jobs.${index}.${problem.path}` });
    }
    if (problems.length > 0) throw new InvalidInput(`${entries.length} jobs were refused`, problems);
    for (const [index, dangling] of (await this.#danglingOf(tenant, entries, context)).entries())
      problems.push(...dangling.map((problem) => ({ ...problem, path: `jobs.${index}.${problem.path}` })));
    if (problems.length > 0) throw new InvalidInput(`${entries.length} jobs were refused`, problems);
    await this.#admit(tenant, entries, context);
    const prepared = await this.keepLarge(checked);
    if (context.in) return this.#acceptWithin(context.in, prepared, context);

    const receipts = new Map<Prepared, Receipt>();
    const recorded = prepared.filter((one) => !isRedisOnly(one));
    for (const [one, accepted] of await this.#recordTogether(recorded)) {
      receipts.set(one, toReceipt(one, accepted));
      this.#accepted(one, accepted);
    }
    await Promise.all(
      prepared.filter(isRedisOnly).map(async (one) => {
        receipts.set(one, await this.#acceptOne(one));
      }),
    );
    return prepared.map((one) => receipts.get(one)!);
  }

  /** Check a child of a running job. Throws InvalidInput. It is accepted with the parent's settle (`Ledger.settleWith`). */
  prepareChild({ id, tenant, traceparent }: Parent, entry: Entry): Prepared {
    const prepared = this.#prepare(tenant, entry, { traceparent });
    if (Array.isArray(prepared)) throw new InvalidInput(`Child job "${entry.job.name}" was refused`, prepared);
    return { ...prepared, row: { ...prepared.row, parentId: id } };
  }

  /** Put payloads that are too large for a row into the blob store. A blob whose job is never accepted is collected. */
  keepLarge(prepared: readonly Prepared[]): Promise<Prepared[]> {
    return Promise.all(prepared.map((one) => this.#keepLarge(one)));
  }

  /** Jobs that were accepted elsewhere in a commit of ours: count them, and send them on. */
  sendAccepted(prepared: readonly Prepared[], accepted: readonly Accepted[]): void {
    for (const [index, one] of prepared.entries()) this.#accepted(one, accepted[index]!);
  }

  /**
   * A transaction of our own: what is enqueued with its context commits together with whatever else `work` writes, and
   * takes the fast path right afterwards. Rejects with what `work` threw, and then nothing was recorded.
   */
  async transaction<T>(work: (own: OwnTransaction) => Promise<T>): Promise<T> {
    const afterwards: (() => void)[] = [];
    const result = await this.#database.transaction((client) =>
      work({
        in: { executeSql: (text, values) => client.query(text, values) },
        afterCommit: (run) => void afterwards.push(run),
      }),
    );
    for (const run of afterwards) run();
    return result;
  }

  /** Resolves when what was to be moved in its engine has been. */
  async stop(): Promise<void> {
    await this.#requeue.stop();
  }

  /** Every problem for which this entry would be refused; empty when it would be accepted. Writes nothing. */
  check(entry: Entry): readonly FieldProblem[] {
    const prepared = this.#prepare("", entry, {});
    return Array.isArray(prepared) ? prepared : [];
  }

  /** Names in a good payload that mean nothing (`JobDefinition.dangling`). Writes nothing. */
  async dangling(tenant: string, { job, payload }: Entry, sql?: SqlRunner): Promise<readonly FieldProblem[]> {
    if (!job.dangling) return [];
    const found = await job.dangling(job.payload.parse(payload), { tenant, services: this.#services, sql });
    return found.map((problem) => ({ ...problem, path: `payload.${problem.path}` }));
  }

  /** The same of each entry, when it is an application that asks. */
  async #danglingOf(
    tenant: string,
    entries: readonly Entry[],
    { in: sql, atDoor }: EnqueueContext,
  ): Promise<readonly (readonly FieldProblem[])[]> {
    if (!atDoor || !entries.some(({ job }) => job.dangling)) return [];
    const found: (readonly FieldProblem[])[] = [];
    for (const entry of entries) found.push(await this.dangling(tenant, entry, sql)); // `sql` is one connection
    return found;
  }

  /** Ask the jobs that want to be asked. Rejects with what the first of them rejects with. */
  async #admit(tenant: string, entries: readonly Entry[], { in: sql, atDoor }: EnqueueContext): Promise<void> {
    if (!atDoor) return;
    for (const job of new Set(entries.map((entry) => entry.job)))
      if (job.admit) {
        const payloads = entries.filter((entry) => entry.job === job).map(({ payload }) => job.payload.parse(payload));
        await job.admit(payloads, { tenant, services: this.#services, sql });
      }
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
    const deduplicationKey = data?.deduplicationKey ?? (payload.success ? job.deduplicate?.(payload.data) : undefined);
    if (data) problems.push(...keyProblems(data, job), ...orderProblems(data, job));
    if (problems.length > 0 || !data) return problems;

    const delayMs = Math.max(0, runAt.getTime() - now);
    const scheduled = delayMs > engineHorizonMs;
    return {
      queue: job.queue,
      delayMs,
      row: {
        id: newJobId(),
        tenant,
        job: job.name,
        queue: job.queue.name,
        priority: data.priority,
        payload: entry.payload,
        payloadVersion: job.version ?? 1,
        retryAttempts: job.retry.attempts,
        runAt,
        scheduled,
        relayGraceMs:
          scheduled || (context.in && !context.afterCommit) || !this.#engineOf(job.queue).open ? 0 : fastPathGraceMs,
        expiresAt,
        deduplicationKey,
        deduplicateForMs: data.deduplicateForMs,
        deduplicate: data.deduplicate,
        batchId: context.batchId,
        tags: data.tags,
        correlationId: data.correlationId,
        traceparent: validTraceparent(context.traceparent),
      },
    };
  }

  async #keepLarge(prepared: Prepared): Promise<Prepared> {
    const { inline, blob } = await keepJson(this.#blobs, prepared.row.payload);
    return blob === null ? prepared : { ...prepared, row: { ...prepared.row, payload: inline, payloadBlob: blob } };
  }

  async #acceptOne(prepared: Prepared): Promise<Receipt> {
    const inRedis = isRedisOnly(prepared) ? await this.#acceptInRedis(prepared) : null;
    if (inRedis) return inRedis;
    const accepted = await this.#ledger.accept(prepared.row);
    this.#accepted(prepared, accepted);
    return toReceipt(prepared, accepted);
  }

  /** `null` when Redis did not take it: the job then becomes a row, which promises more, not less. */
  async #acceptInRedis(prepared: Prepared): Promise<Receipt | null> {
    const { row, queue } = prepared;
    const message: Message = {
      ...toMessage(row, this.#clock.now(), prepared.delayMs),
      payload: row.payload,
      ...(row.payloadVersion > 1 && { payloadVersion: row.payloadVersion }),
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

  async #acceptWithin(
    runner: SqlRunner,
    prepared: readonly Prepared[],
    { afterCommit }: EnqueueContext,
  ): Promise<Receipt[]> {
    const rows = prepared.map((one) => one.row);
    const accepted: Accepted[] = [];
    for (let from = 0; from < rows.length; from += rowsPerStatement)
      accepted.push(...(await this.#ledger.acceptIn(runner, rows.slice(from, from + rowsPerStatement))));
    if (afterCommit) {
      afterCommit(() => this.sendAccepted(prepared, accepted));
      return prepared.map((one, index) => toReceipt(one, accepted[index]!));
    }
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

  /** What follows a commit: new jobs go to their engine, and one that was replaced for a better place to its new one. */
  #accepted(prepared: Prepared, accepted: Accepted): void {
    const { row, queue } = prepared;
    if (accepted.moved) this.#requeue.send(queue, accepted.id);
    if (accepted.duplicate) return;
    this.#onAccepted(toReceipt(prepared, accepted));
    if (!row.scheduled && !accepted.follows)
      this.#dispatcher.send(queue, toMessage(row, accepted.acceptedAt.getTime(), prepared.delayMs));
  }
}

/** What cannot be meant: options about a key without one, and the newest payload that is to be forgotten. */
function keyProblems(options: z.output<typeof enqueueOptions>, job: JobDefinition): FieldProblem[] {
  const { deduplicate, deduplicateForMs } = options;
  const key = options.deduplicationKey ?? job.deduplicate;
  const problems: FieldProblem[] = [];
  for (const path of ["deduplicateForMs", "deduplicate"] as const)
    if (key === undefined && options[path] !== undefined)
      problems.push({ path, message: "Expected a deduplicationKey beside it, found none", code: "key_required" });
  if (deduplicate === "keep-last" && deduplicateForMs !== undefined)
    problems.push({
      path: "deduplicateForMs",
      message: 'Expected none with "keep-last": the newest request is to run, also when the job before has just ended',
      code: "contradiction",
    });
  return problems;
}

/** A priority that nobody would heed. */
function orderProblems(
  { priority }: z.output<typeof enqueueOptions>,
  { queue }: Pick<JobDefinition, "queue">,
): FieldProblem[] {
  if (queue.order === "priority" || priority === "normal") return [];
  const message = `Expected none: the jobs of queue "${queue.name}" run in the order of their arrival (its \`order\` is "fifo")`;
  return [{ path: "priority", message, code: "priority_unsupported" }];
}

function isRedisOnly(prepared: Prepared): boolean {
  if (prepared.queue.durability !== "redis" || prepared.row.scheduled) return false;
  const { expiresAt, payloadBlob, batchId, deduplicateForMs, deduplicate = "join" } = prepared.row;
  return (
    deduplicate === "join" && [expiresAt, payloadBlob, batchId, deduplicateForMs].every((one) => one === undefined)
  );
}

const [acceptedText, dueText] = [new InstantText(), new InstantText()]; // each its own: the two often differ by a millisecond

function toReceipt({ row }: Prepared, accepted: Accepted): Receipt {
  return {
    id: accepted.id,
    job: row.job,
    queue: row.queue,
    tenant: row.tenant,
    state: accepted.state,
    acceptedAt: acceptedText.of(accepted.acceptedAt.getTime()),
    runAt: dueText.of(accepted.runAt.getTime()),
    duplicate: accepted.duplicate,
    replaced: accepted.replaced ?? false,
  };
}
