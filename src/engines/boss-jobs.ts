import type { PgBoss } from "pg-boss";
import type { ErrorSummary } from "#core/errors.ts";
import type { QueueDefinition } from "#core/queue.ts";
import { uuidPattern } from "#core/uuid.ts";
import { affected, type BossDatabase, type Transaction } from "./boss-database.ts";
import { type BossData, type BossRow, type Claim, stateOf, storable, toEngineJob } from "./boss-job.ts";
import type { EngineCounts, EngineHold, EngineJob, Verdict, WaitingPage } from "./engine.ts";

/** pg-boss deletes waiting jobs that nobody took for this long. */
export const retentionSeconds = 365 * 86_400;

/** Whole seconds for pg-boss's `deleteAfterSeconds`, where 0 would mean "never". */
export const keepSeconds = (keepMs: number): number => Math.max(1, Math.ceil(keepMs / 1_000));

const pageSize = 1_000;
const stalledBatch = 100; // jobs per sweep of one consumer: a larger backlog is taken over in several

/**
 * What Nightshift does to jobs, said in pg-boss's words. Everything written goes through pg-boss's API; where one verdict
 * needs two or three of its calls, they share a transaction. Its job table is read directly where the API has no answer:
 * counts that are fresh, one job by the database's clock, claims that ran out.
 *
 * Leases are ours. `touch` renews a claim and `heartbeat_on` says when; pg-boss's own heartbeat (10 s at least, checked
 * once a minute) and expiry (24 h at most) each spend one of its retries and cannot tell a stall from a failure.
 */
export class BossJobs {
  readonly #boss: PgBoss;
  readonly #database: BossDatabase;
  readonly #schema: string;

  constructor(options: { boss: PgBoss; database: BossDatabase; schema: string }) {
    this.#boss = options.boss;
    this.#database = options.database;
    this.#schema = options.schema;
  }

  async claim(queue: QueueDefinition, limit: number): Promise<Claim[]> {
    if (await this.isPaused(queue)) return [];
    return this.#boss.fetch<BossData>(queue.name, { batchSize: limit });
  }

  /** Tell pg-boss a verdict. `false` when the claim was lost: the job then belongs to somebody else and is untouched. */
  async settle(queue: QueueDefinition, claim: Claim, verdict: Verdict): Promise<boolean> {
    const { data } = claim;
    switch (verdict.kind) {
      case "complete":
        if (queue.keepCompletedMs === 0) return this.#delete(queue, claim);
        return affected(await this.#boss.complete(queue.name, attempt(claim))) > 0;
      case "drop":
        return this.#delete(queue, claim);
      case "snooze":
        return this.#database.transaction((tx) =>
          this.#putBack(tx, queue, claim, dueIn(data, verdict), verdict.delayMs),
        );
      case "release":
        return this.#database.transaction((tx) => this.#putBack(tx, queue, claim, data, 0));
      case "retry": {
        const spent = { ...dueIn(data, verdict), spent: data.spent + 1 };
        return this.#database.transaction((tx) =>
          this.#putBack(tx, queue, claim, spent, verdict.delayMs, verdict.error),
        );
      }
      case "dead": {
        const spent = { ...data, spent: data.spent + 1 };
        return this.#database.transaction((tx) => this.#bury(tx, queue, claim, spent, verdict.error));
      }
    }
  }

  /** Renew claims. Resolves with those that still hold. */
  async renew(queue: QueueDefinition, claims: readonly Claim[]): Promise<ReadonlySet<Claim>> {
    const renewed = affected(await this.#boss.touch(queue.name, claims.map(attempt)));
    if (renewed === claims.length) return new Set(claims);
    const { rows } = await this.#database.executeSql(
      `SELECT id, retry_count FROM ${this.#schema}.job WHERE name = $1 AND id = ANY($2::uuid[]) AND state = 'active'`,
      [queue.name, claims.map(({ id }) => id)],
    );
    return new Set(
      claims.filter((claim) => rows.some((row) => row.id === claim.id && row.retry_count === claim.retryCount)),
    );
  }

  /**
   * Take back what nobody renewed for a lease: it waits again, or is dead once it stalled more than `maxStalled` times.
   * Resolves with the dead ones. Any number of consumers may do this at once.
   */
  reclaim(queue: QueueDefinition): Promise<ReadonlyArray<{ readonly id: string; readonly error: ErrorSummary }>> {
    return this.#database.transaction(async (tx) => {
      // The lock makes a renewal that is on its way wait; it then finds the claim gone instead of renewing it.
      const { rows } = await tx.executeSql(
        `SELECT id, retry_count AS "retryCount", data FROM ${this.#schema}.job
         WHERE name = $1 AND state = 'active' AND group_id IS NOT NULL
           AND heartbeat_on < ${this.#schema}.job_now() - $2 * interval '1 ms'
         ORDER BY heartbeat_on LIMIT ${stalledBatch} FOR UPDATE SKIP LOCKED`,
        [queue.name, queue.leaseMs],
      );
      const dead: { id: string; error: ErrorSummary }[] = [];
      for (const claim of rows as Claim[]) {
        const stalled = { ...claim.data, stalled: claim.data.stalled + 1 };
        if (stalled.stalled <= queue.maxStalled) {
          await this.#putBack(tx, queue, claim, stalled, 0);
          continue;
        }
        const error = { code: "stalled", message: "Lost its worker more often than maxStalled allows" };
        await this.#bury(tx, queue, claim, stalled, error);
        dead.push({ id: claim.id, error });
      }
      return dead;
    });
  }

  async find(queue: QueueDefinition, id: string): Promise<EngineJob | null> {
    if (!uuidPattern.test(id)) return null;
    const { rows } = await this.#database.executeSql(
      `SELECT id, data, state, start_after <= ${this.#schema}.job_now() AS due, started_on, completed_on, output
       FROM ${this.#schema}.job WHERE name = $1 AND id = $2`,
      [queue.name, id],
    );
    return rows[0] ? toEngineJob(rows[0] as BossRow) : null;
  }

  /** Delete a job in one of `states`; `false` when it is in another one, or not there. */
  async deleteIn(states: readonly BossRow["state"][], queue: QueueDefinition, id: string): Promise<boolean> {
    if (!uuidPattern.test(id)) return false;
    return this.#database.transaction(async (tx) => {
      const { rows } = await tx.executeSql(
        `SELECT FROM ${this.#schema}.job WHERE name = $1 AND id = $2 AND state::text = ANY($3) FOR UPDATE`,
        [queue.name, id, states],
      );
      return rows.length > 0 && affected(await this.#boss.deleteJob(queue.name, id, { db: tx })) > 0;
    });
  }

  async counts(queue: QueueDefinition): Promise<EngineCounts> {
    const { rows } = await this.#database.executeSql(
      `SELECT count(*) FILTER (WHERE due)::int AS waiting,
              count(*) FILTER (WHERE state < 'active' AND NOT due)::int AS delayed,
              count(*) FILTER (WHERE state = 'active')::int AS active,
              count(*) FILTER (WHERE state = 'failed')::int AS failed,
              greatest(0, $2 - min((data->>'dueAt')::float8) FILTER (WHERE due))::float8 AS "oldestWaitingMs"
       FROM (
         SELECT state, data, state < 'active' AND start_after <= ${this.#schema}.job_now() AS due
         FROM ${this.#schema}.job WHERE name = $1 AND state <> 'completed'
       ) AS held`,
      [queue.name, Date.now()],
    );
    return rows[0] as EngineCounts;
  }

  async holds(queue: QueueDefinition, ids: readonly string[]): Promise<ReadonlyMap<string, EngineHold>> {
    const { rows } = await this.#database.executeSql(
      `SELECT id, state, start_after <= ${this.#schema}.job_now() AS due
       FROM ${this.#schema}.job WHERE name = $1 AND id = ANY($2::uuid[])`,
      [queue.name, ids.filter((id) => uuidPattern.test(id))],
    );
    return new Map(rows.map((row) => [row.id, stateOf(row as BossRow)]));
  }

  /** A cursor is the last id of its page. */
  async waiting(queue: QueueDefinition, cursor: string | null): Promise<WaitingPage> {
    const { rows } = await this.#database.executeSql(
      `SELECT id FROM ${this.#schema}.job
       WHERE name = $1 AND state < 'active' AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT ${pageSize}`,
      [queue.name, cursor],
    );
    const ids: string[] = rows.map((row) => row.id);
    return { ids, next: ids.length === pageSize ? ids.at(-1)! : null };
  }

  /** pg-boss cannot pause a queue; a table beside its own remembers which are, and every claim looks there. */
  async createPauses(): Promise<void> {
    await this.#database.transaction(async (tx) => {
      // Two that create a table at once collide in the catalog, "if not exists" or not.
      await tx.executeSql("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`${this.#schema}/pauses`]);
      await tx.executeSql(`CREATE TABLE IF NOT EXISTS ${this.#schema}.nightshift_paused (queue text PRIMARY KEY)`);
    });
  }

  async pause(queue: QueueDefinition): Promise<void> {
    await this.#database.executeSql(
      `INSERT INTO ${this.#schema}.nightshift_paused VALUES ($1) ON CONFLICT DO NOTHING`,
      [queue.name],
    );
  }

  async resume(queue: QueueDefinition): Promise<void> {
    await this.#database.executeSql(`DELETE FROM ${this.#schema}.nightshift_paused WHERE queue = $1`, [queue.name]);
  }

  async isPaused(queue: QueueDefinition): Promise<boolean> {
    const { rows } = await this.#database.executeSql(`SELECT FROM ${this.#schema}.nightshift_paused WHERE queue = $1`, [
      queue.name,
    ]);
    return rows.length > 0;
  }

  async #delete(queue: QueueDefinition, claim: Claim): Promise<boolean> {
    return affected(await this.#boss.deleteJob(queue.name, attempt(claim))) > 0;
  }

  /**
   * Back to waiting, due in `delayMs`, at the place of its priority and age. pg-boss's `fail` alone would compute the delay
   * itself, in whole seconds, and keep the old data; `update` may not touch a claimed job. Hence one after the other.
   */
  async #putBack(
    tx: Transaction,
    queue: QueueDefinition,
    claim: Claim,
    data: BossData,
    delayMs: number,
    error?: ErrorSummary,
  ) {
    const failed = await this.#boss.fail(queue.name, attempt(claim), error ? storable(error) : null, { db: tx });
    if (affected(failed) === 0) return false;
    // `update` shrinks the retention by the time since the last delay unless it is told anew.
    const startAfter = `${delayMs / 1_000} seconds`;
    await this.#boss.update(queue.name, data, { id: claim.id, startAfter, retentionSeconds, db: tx });
    return true;
  }

  /** Ended for good. pg-boss buries a job only when its retries are used up, so they are taken away in between. */
  async #bury(tx: Transaction, queue: QueueDefinition, claim: Claim, data: BossData, error: ErrorSummary) {
    const failed = await this.#boss.fail(queue.name, attempt(claim), null, { db: tx });
    if (affected(failed) === 0) return false;
    const deleteAfterSeconds = keepSeconds(queue.keepFailedMs);
    await this.#boss.update(queue.name, data, { id: claim.id, retryLimit: 0, deleteAfterSeconds, db: tx });
    await this.#boss.fail(queue.name, claim.id, storable(error), { db: tx });
    return true;
  }
}

const dueIn = (data: BossData, { delayMs }: { delayMs: number }): BossData => ({
  ...data,
  dueAt: Date.now() + delayMs,
});

const attempt = ({ id, retryCount }: Claim) => ({ id, retryCount });
