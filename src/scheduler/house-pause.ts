import type { FieldProblem } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { SqlRunner } from "#core/sql.ts";
import type { Audit } from "../access/audit.ts";
import type { Incidents } from "../ledger/incidents.ts";
import type { ScheduleRow, Schedules } from "../ledger/schedules.ts";
import { nextOf } from "./next.ts";
import type { NoWork } from "./work.ts";

const kind = "schedule_paused";

/**
 * Schedules that the house itself pauses, because they cannot do what they ask for: with an incident, which ends when the
 * schedule goes on. Everything within the caller's transaction.
 */
export class HousePause {
  readonly #schedules: Schedules;
  readonly #incidents: Incidents;
  readonly #audit: Audit;
  readonly #log: Log;

  constructor(options: { schedules: Schedules; incidents: Incidents; audit: Audit; log: Log }) {
    this.#schedules = options.schedules;
    this.#incidents = options.incidents;
    this.#audit = options.audit;
    this.#log = options.log;
  }

  /** Its row must be locked. `problems` are told by path and code: their words may be a library's. */
  async pause(
    runner: SqlRunner,
    schedule: ScheduleRow,
    why: NoWork["why"],
    problems: readonly FieldProblem[],
  ): Promise<void> {
    const { tenant, name, job } = schedule;
    await this.#schedules.save(runner, schedule.id, { ...schedule, pausedWhy: why, next: null });
    const details = { why, job, problems: problems.slice(0, 10).map(({ path, code }) => ({ path, code })) };
    await this.#audit.record(
      { actor: "scheduler", action: "schedule.pause", subject: `schedule/${name}`, tenant, details },
      runner,
    );
    await this.#incidents.open(kind, subjectOf(schedule), details, runner);
    this.#log.error({ schedule: name, tenant, job, why }, "schedule.paused");
  }

  /** What it was paused for is over: go on with the first tick from now. Its row must be locked. */
  async resume(runner: SqlRunner, schedule: ScheduleRow, now: number): Promise<void> {
    const { tenant, name, fired, pausedWhy: why } = schedule;
    const next = nextOf(schedule, Math.max(now, schedule.lastTick ?? 0), fired);
    await this.#schedules.save(runner, schedule.id, { ...schedule, pausedWhy: null, next });
    await this.#audit.record(
      { actor: "scheduler", action: "schedule.resume", subject: `schedule/${name}`, tenant, details: { why } },
      runner,
    );
    await this.over(runner, schedule);
    this.#log.info({ schedule: name, tenant, why }, "schedule.resumed");
  }

  /** The incident is over, whoever mended it. Safe to repeat. */
  async over(runner: SqlRunner, schedule: Pick<ScheduleRow, "tenant" | "name">): Promise<void> {
    await this.#incidents.close(kind, subjectOf(schedule), {}, runner);
  }
}

function subjectOf({ tenant, name }: Pick<ScheduleRow, "tenant" | "name">): string {
  return `schedule/${tenant}/${name}`;
}
