import type { Clock } from "#core/clock.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { BlobStore, Pruned, Retention } from "#core/services.ts";
import type { Database } from "./database.ts";
import { RecordRetention } from "./record-retention.ts";
import { batchSize, deleteWhere, untilNotFull } from "./small-deletes.ts";

/** A blob this young may belong to a row that is about to be committed. */
const blobGraceMs = 24 * 3_600_000;
/** Closed incidents, and finished batches without jobs. */
const recordsKeptMs = 90 * 24 * 3_600_000;
/** What came of the ticks of schedules: a schedule of each second writes 86,400 a day. */
const ticksKeptMs = 30 * 24 * 3_600_000;
/** What was asked of models and answered. The book of calls, which says neither, is kept longer: `record-retention.ts`. */
const saidBefore = "now() - interval '30 days'";
/** Results of reports that nobody has computed again for so long, and invalidations that no result is older than. */
const reportsKeptMs = 70 * 24 * 3_600_000; // longer than the longest ttlMs and staleMs together

/** Deletes what nobody is promised any more, in small batches, by the policy of each queue. Safe to stop at any moment. */
export class LedgerRetention implements Retention {
  readonly #database: Database;
  readonly #queues: readonly QueueDefinition[];
  readonly #blobs: BlobStore;
  readonly #records: RecordRetention;

  constructor(options: { database: Database; queues: readonly QueueDefinition[]; blobs: BlobStore; clock: Clock }) {
    this.#database = options.database;
    this.#queues = options.queues;
    this.#blobs = options.blobs;
    this.#records = new RecordRetention(options);
  }

  async prune(signal: AbortSignal): Promise<Pruned> {
    let jobs = 0;
    for (const queue of this.#queues) {
      jobs += await untilNotFull(signal, batchSize, () =>
        this.#pruneJobs(queue.name, ["completed", "cancelled", "expired"], queue.keepCompletedMs),
      );
      jobs += await untilNotFull(signal, batchSize, () => this.#pruneJobs(queue.name, ["dead"], queue.keepFailedMs));
    }
    const idempotencyKeys = await deleteWhere(this.#database, signal, "idempotency_keys", "expires_at < now()");
    const sessions = await deleteWhere(this.#database, signal, "sessions", "expires_at < now()");
    const old = `now() - ${recordsKeptMs} * interval '1 millisecond'`;
    await deleteWhere(this.#database, signal, "incidents", `closed_at < ${old}`);
    await deleteWhere(this.#database, signal, "batches", `finished_at < ${old}`);
    const oldTicks = `now() - ${ticksKeptMs} * interval '1 millisecond'`;
    await deleteWhere(this.#database, signal, "schedule_ticks", `recorded_at < ${oldTicks}`);
    await deleteWhere(this.#database, signal, "ai_cache", "expires_at < now()");
    for (const table of ["ai_answers", "ai_messages"])
      await deleteWhere(this.#database, signal, table, `created_at < ${saidBefore}`);
    const unread = `now() - ${reportsKeptMs} * interval '1 millisecond'`;
    await deleteWhere(this.#database, signal, "report_results", `touched_at < ${unread}`);
    await deleteWhere(this.#database, signal, "report_invalidations", `invalidated_at < ${unread}`);
    const records = await this.#records.prune(signal);
    const blobs = await this.#pruneBlobs(signal);
    return { jobs, idempotencyKeys, sessions, blobs, ...records };
  }

  /** Steps go with their job. One of an unfinished batch stays to be counted, and one within its window to hold its key. */
  async #pruneJobs(queue: string, states: readonly string[], keepMs: number): Promise<number> {
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `with old as (
         select id from ${schema}.jobs
         where queue = $1 and finished_at < now() - $3 * interval '1 millisecond' and state = any($2)
           and (deduplicate_until is null or deduplicate_until <= now())
           and (batch_id is null or not exists (
             select from ${schema}.batches b where b.id = batch_id and b.finished_at is null
               and b.created_at > now() - ${recordsKeptMs} * interval '1 millisecond'))
         order by finished_at limit ${batchSize} for update skip locked
       ), gone as (
         delete from ${schema}.jobs j using old where j.id = old.id returning j.id
       ) select count(*)::int as count from gone`,
      [queue, states, keepMs],
    );
    return rows[0]!.count;
  }

  /** Blobs that no job and no document refers to: of pruned jobs, of rolled-back transactions, of attempts that lost their lease. */
  async #pruneBlobs(signal: AbortSignal): Promise<number> {
    const unusedSince = new Date(Date.now() - blobGraceMs);
    let removed = 0;
    for await (const page of this.#blobs.pages(500)) {
      signal.throwIfAborted();
      for (const sha256 of await this.#unreferenced(page))
        removed += (await this.#blobs.collect(sha256, unusedSince)) ? 1 : 0;
    }
    return removed;
  }

  async #unreferenced(hashes: readonly string[]): Promise<readonly string[]> {
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `select h.sha256 from unnest($1::text[]) as h (sha256)
       where not exists (select 1 from ${schema}.jobs where payload_blob = h.sha256)
         and not exists (select 1 from ${schema}.jobs where result_blob = h.sha256)
         and not exists (select 1 from ${schema}.document_versions where sha256 = h.sha256)`,
      [hashes],
    );
    return rows.map((row) => row.sha256);
  }
}
