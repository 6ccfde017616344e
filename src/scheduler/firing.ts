import type { Catalog } from "#core/catalog.ts";
import { InvalidInput } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import { isRowError } from "../ledger/database.ts";
import {
  type Advance,
  type NewTick,
  type ScheduleRow,
  type Schedules,
  type TickJob,
  tickKey,
} from "../ledger/schedules.ts";
import type { Entry, OwnTransaction, Producer } from "../producer/producer.ts";
import type { Receipt } from "../producer/receipt.ts";
import { type Fate, madeUpAtMost, missedAfterMs, type Plan, plan } from "./due.ts";
import type { HousePause } from "./house-pause.ts";
import { type Work, workOf } from "./work.ts";

/** Schedules that one transaction deals with, and jobs that it accepts. */
const batchSize = 500;
const jobsPerBatch = 2_000;

/** A due schedule that can fire. */
interface Firing extends Work {
  readonly schedule: ScheduleRow;
  readonly plan: Plan;
}

/** A tick that gets a job. */
interface Start {
  readonly firing: Firing;
  readonly tick: number;
}

/**
 * Fires due schedules. One transaction claims a batch of them, writes what becomes of their ticks, accepts the jobs, and sets
 * what comes next: a crash leaves all of it or nothing, and of any number of schedulers one has a schedule at a time.
 */
export class DueBatch {
  readonly #schedules: Schedules;
  readonly #producer: Producer;
  readonly #catalog: Catalog;
  readonly #pause: HousePause;
  readonly #log: Log;
  /** After a row that Postgres refused: one at a time, so that it is found, and holds up nobody else. */
  #carefully = 0;

  constructor(options: { schedules: Schedules; producer: Producer; catalog: Catalog; pause: HousePause; log: Log }) {
    this.#schedules = options.schedules;
    this.#producer = options.producer;
    this.#catalog = options.catalog;
    this.#pause = options.pause;
    this.#log = options.log;
  }

  /** Fire what is due now. Resolves with whether there may be more. Rejects, with nothing changed, when Postgres does not answer. */
  async fire(): Promise<{ readonly fired: number; readonly more: boolean }> {
    const limit = this.#carefully > 0 ? 1 : batchSize;
    const claimed: ScheduleRow[] = [];
    try {
      const fired = await this.#producer.transaction((own) => this.#fireWithin(own, limit, claimed));
      if (this.#carefully > 0) this.#carefully -= 1;
      return { fired, more: claimed.length === limit || fired < claimed.length };
    } catch (error) {
      if (!isRowError(error) || claimed.length === 0) throw error;
      if (claimed.length === 1) await this.#refuse(claimed[0]!, error as Error);
      else this.#carefully = claimed.length;
      return { fired: 0, more: true };
    }
  }

  async #fireWithin(own: OwnTransaction, limit: number, claimed: ScheduleRow[]): Promise<number> {
    const names = this.#catalog.jobs.map(({ name }) => name);
    const { now, due } = await this.#schedules.claimDue(own.in, limit, names, missedAfterMs);
    claimed.push(...due);
    if (due.length === 0) return 0;
    const watched = due.flatMap(({ overlap, lastJobId }) => (overlap !== "allow" && lastJobId ? [lastJobId] : []));
    const open = await this.#schedules.openJobs(own.in, watched);
    const firings: Firing[] = [];
    let jobs = 0;
    let done = 0;
    for (const schedule of due) {
      if (jobs > jobsPerBatch) break; // the rest is due still
      const firing = await this.#prepare(own, schedule, open, now);
      done += 1;
      if (!firing) continue;
      firings.push(firing);
      jobs += firing.plan.fates.filter(({ fate }) => fate === "enqueue").length;
    }
    await this.#carryOut(own, firings, open);
    return done;
  }

  /** `null`: it cannot fire, and is paused. */
  async #prepare(
    own: OwnTransaction,
    schedule: ScheduleRow,
    open: ReadonlySet<string>,
    now: number,
  ): Promise<Firing | null> {
    const checked = workOf(schedule, this.#catalog, this.#producer);
    if ("why" in checked) {
      await this.#pause.pause(own.in, schedule, checked.why, checked.problems);
      return null;
    }
    try {
      const lastJobOpen = schedule.lastJobId !== null && open.has(schedule.lastJobId);
      return { schedule, ...checked, plan: plan({ ...schedule, next: schedule.next!, lastJobOpen }, now) };
    } catch (error) {
      // A rule that a release before could read: of errors of ours path and code, of others the kind.
      const other = { path: "rule", message: (error as Error).name };
      const problems = error instanceof InvalidInput ? error.problems : [other];
      await this.#pause.pause(own.in, schedule, "rule_refused", problems);
      return null;
    }
  }

  async #carryOut(own: OwnTransaction, firings: readonly Firing[], open: ReadonlySet<string>): Promise<void> {
    if (firings.length === 0) return;
    const recorded = await this.#schedules.record(
      own.in,
      firings.flatMap(({ schedule, plan: { fates } }) => fates.map((fate) => toTick(schedule.id, fate))),
    );
    const starts = firings.flatMap((firing) =>
      firing.plan.fates
        .filter(({ fate, tick }) => fate === "enqueue" && recorded.has(tickKey(firing.schedule.id, tick)))
        .map(({ tick }): Start => ({ firing, tick })),
    );
    const receipts = await this.#enqueue(own, starts);
    const lastJobs = await this.#chain(own, starts, receipts, open);
    const advances = firings.map(({ schedule: { id }, plan: { next, fired, lastTick } }): Advance => {
      return { id, next, fired, lastTick, lastJobId: lastJobs.get(id) ?? null };
    });
    const byFiring = Map.groupBy(starts, ({ firing }) => firing);
    const jobs = firings.flatMap((firing) => tickJobs(firing, byFiring.get(firing) ?? [], receipts));
    await this.#schedules.advance(own.in, advances, jobs);
    own.afterCommit(() => this.#tell(firings, starts.length));
  }

  /** The jobs of ticks, in their order; those that must wait for the job before do not take the fast path. */
  async #enqueue(own: OwnTransaction, starts: readonly Start[]): Promise<ReadonlyMap<Start, Receipt>> {
    const receipts = new Map<Start, Receipt>();
    const groups = Map.groupBy(
      starts,
      ({ firing: { schedule } }) => `${schedule.overlap === "queue"} ${schedule.tenant}`,
    );
    for (const group of groups.values()) {
      const { tenant, overlap } = group[0]!.firing.schedule;
      const context = overlap === "queue" ? { in: own.in } : own;
      const accepted = await this.#producer.enqueueMany(tenant, group.map(toEntry), context);
      for (const [index, start] of group.entries()) receipts.set(start, accepted[index]!);
    }
    return receipts;
  }

  /** Answers the last job of each schedule that got one; makes jobs of `overlap: "queue"` wait for the one before. */
  async #chain(
    own: OwnTransaction,
    starts: readonly Start[],
    receipts: ReadonlyMap<Start, Receipt>,
    open: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, string>> {
    const last = new Map<string, string>();
    const pairs: { id: string; follows: string }[] = [];
    for (const start of starts) {
      const { id: schedule, overlap, lastJobId } = start.firing.schedule;
      const { id, duplicate } = receipts.get(start)!;
      const before = last.get(schedule) ?? (lastJobId !== null && open.has(lastJobId) ? lastJobId : null);
      if (overlap === "queue" && before !== null && !duplicate) pairs.push({ id, follows: before });
      last.set(schedule, id);
    }
    if (pairs.length > 0) await this.#schedules.follow(own.in, pairs);
    return last;
  }

  #tell(firings: readonly Firing[], jobs: number): void {
    for (const {
      schedule,
      plan: { behind, fates },
    } of firings)
      if (behind)
        this.#log.warn(
          {
            schedule: schedule.name,
            tenant: schedule.tenant,
            policy: schedule.missed,
            madeUpAtMost,
            lines: fates.length,
          },
          "schedule.missed_ticks",
        );
    this.#log.debug({ schedules: firings.length, jobs }, "schedules.fired");
  }

  /**
   * Postgres refuses what this schedule would write: it is put aside, so that the others go on. Its row was let go with the
   * transaction that failed: one that somebody has changed since is another, and is left to be fired.
   */
  async #refuse(schedule: ScheduleRow, error: Error): Promise<void> {
    const sqlState = (error as { code?: string }).code ?? error.name;
    const problem = { path: "", message: `Postgres refused it: ${sqlState}`, code: sqlState };
    await this.#producer.transaction(async ({ in: runner }) => {
      const row = await this.#schedules.find(runner, schedule.tenant, schedule.name, true);
      if (row?.id !== schedule.id || row.revision !== schedule.revision) return;
      await this.#pause.pause(runner, row, "refused_by_store", [problem]);
    });
  }
}

function toTick(scheduleId: string, { tick, until, count, fate }: Fate): NewTick {
  return { scheduleId, tick, until, count, outcome: fate === "enqueue" ? "enqueued" : fate };
}

function toEntry({ firing: { job, payload, schedule }, tick }: Start): Entry {
  const at = new Date(tick).toISOString();
  return { job, payload, options: { tags: [`schedule/${schedule.name}`], correlationId: `${schedule.name}@${at}` } };
}

/** Ticks whose job is known now; those that it makes up for share it. */
function tickJobs(
  { schedule, plan: { fates } }: Firing,
  starts: readonly Start[],
  receipts: ReadonlyMap<Start, Receipt>,
) {
  const jobs = starts.map((start): TickJob => {
    const { id: jobId, duplicate } = receipts.get(start)!;
    return { scheduleId: schedule.id, tick: start.tick, outcome: duplicate ? "joined" : "enqueued", jobId };
  });
  const last = jobs.at(-1);
  if (!last) return [];
  const merged = fates.filter(({ fate }) => fate === "merged");
  return [...jobs, ...merged.map(({ tick }): TickJob => ({ ...last, tick, outcome: "merged" }))];
}
