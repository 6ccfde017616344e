import type { Catalog } from "#core/catalog.ts";
import type { Log } from "#core/handler.ts";
import type { ScheduleDefinition, ScheduleSpec } from "#core/schedule.ts";
import type { SqlRunner } from "#core/sql.ts";
import type { Audit } from "../access/audit.ts";
import type { ScheduleRow, Schedules } from "../ledger/schedules.ts";
import type { Producer } from "../producer/producer.ts";
import type { HousePause } from "./house-pause.ts";
import { ruleProblems } from "./rule-problems.ts";
import { isSame, specOf, standing } from "./standing.ts";
import { workOf } from "./work.ts";

/** Whose schedules the declared ones are: everybody's. No key is bound to it, so only keys of `*` see them. */
export const houseTenant = "*";

/**
 * Brings the stored schedules to what the code declares: added, changed and removed ones are logged and audited. One that an
 * operator has changed is left as it is, and says that the code differs. Schedules that an earlier release could not fire go
 * on when this one can. One transaction; of several processes one does it, the others find it done.
 */
export class DeclaredSchedules {
  readonly #schedules: Schedules;
  readonly #producer: Producer;
  readonly #catalog: Catalog;
  readonly #audit: Audit;
  readonly #pause: HousePause;
  readonly #timeZone: string;
  readonly #schema: string;
  readonly #log: Log;

  constructor(options: {
    schedules: Schedules;
    producer: Producer;
    catalog: Catalog;
    audit: Audit;
    pause: HousePause;
    /** Of the installation. */
    timeZone: string;
    schema: string;
    log: Log;
  }) {
    this.#schedules = options.schedules;
    this.#producer = options.producer;
    this.#catalog = options.catalog;
    this.#audit = options.audit;
    this.#pause = options.pause;
    this.#timeZone = options.timeZone;
    this.#schema = options.schema;
    this.#log = options.log;
  }

  /** Safe to repeat. Rejects, with nothing changed, when Postgres does not answer. */
  async reconcile(): Promise<void> {
    const definitions = this.#catalog.schedules;
    await this.#producer.transaction(async ({ in: runner }) => {
      await runner.executeSql("select pg_advisory_xact_lock(hashtextextended($1, 0))", [
        `nightshift/schedules/${this.#schema}`,
      ]);
      const now = await this.#schedules.now(runner);
      const names = definitions.map(({ name }) => name);
      const rows = await this.#schedules.lockForReconciliation(runner, names, houseTenant);
      const ours = new Map(rows.filter(({ tenant }) => tenant === houseTenant).map((row) => [row.name, row]));
      for (const definition of definitions)
        await this.#reconcileOne(runner, definition, ours.get(definition.name) ?? null, now);
      for (const row of ours.values())
        if (row.origin === "code" && !names.includes(row.name)) await this.#removed(runner, row);
      await this.#resumeMended(runner, now);
    });
  }

  async #reconcileOne(
    runner: SqlRunner,
    definition: ScheduleDefinition,
    row: ScheduleRow | null,
    now: number,
  ): Promise<void> {
    const { name, job } = definition;
    const rule = { ...definition.rule, timeZone: definition.rule.timeZone ?? this.#timeZone };
    const spec = specOf({ ...definition, job: job.name, rule });
    const problems = ruleProblems(rule, now);
    // One that has come to its end by now is no mistake; it was planned so.
    const hasEnded = isSame(row?.rule, rule) && problems.every(({ code }) => code === "never_fires");
    if (problems.length > 0 && !hasEnded) {
      const told = problems.map(({ path, code }) => ({ path, code }));
      return this.#log.error({ schedule: name, problems: told }, "schedule.declaration_refused");
    }
    const fresh = { ...spec, payloadVersion: job.version ?? 1, origin: "code", edited: false, declared: null } as const;
    if (!row) {
      const standingNow = standing({ tenant: houseTenant, name }, null, spec, now);
      await this.#schedules.insert(runner, houseTenant, name, { ...fresh, pausedWhy: null, ...standingNow });
      return this.#note(runner, "schedule.add", name, { job: job.name });
    }
    if (isSame(specOf(row), spec)) {
      if (row.origin === "code" && !row.edited && row.declared === null) return;
      await this.#schedules.save(runner, row.id, { ...row, ...fresh });
      return;
    }
    if (row.edited || row.origin === "api") return this.#differs(runner, row, spec);
    const { next, fired } = standing(row, row, spec, now);
    const paused = row.pausedWhy !== null;
    await this.#schedules.save(runner, row.id, {
      ...fresh,
      pausedWhy: row.pausedWhy,
      next: paused ? null : next,
      fired,
    });
    await this.#note(runner, "schedule.change", name, { job: job.name, changed: changedFields(row, spec) });
  }

  /** An operator's will stands; that the code says something else is told once per difference, and logged at each start. */
  async #differs(runner: SqlRunner, row: ScheduleRow, spec: ScheduleSpec): Promise<void> {
    const fields = changedFields(row, spec);
    this.#log.warn({ schedule: row.name, fields }, "schedule.declared_differs");
    if (isSame(row.declared, spec)) return;
    await this.#schedules.save(runner, row.id, { ...row, origin: "code", edited: true, declared: spec });
    await this.#note(runner, "schedule.differs", row.name, { fields });
  }

  async #removed(runner: SqlRunner, row: ScheduleRow): Promise<void> {
    if (row.edited) {
      // What an operator made of it is the operator's: it lives on, and can be deleted like any other.
      await this.#schedules.save(runner, row.id, { ...row, origin: "api", edited: false, declared: null });
      return this.#note(runner, "schedule.orphan", row.name, { job: row.job });
    }
    await this.#schedules.remove(runner, row.id);
    await this.#pause.over(runner, row);
    await this.#note(runner, "schedule.remove", row.name, { job: row.job });
  }

  /** What a release before could not fire, and this one can. */
  async #resumeMended(runner: SqlRunner, now: number): Promise<void> {
    for (const row of await this.#schedules.lockForReconciliation(runner, [], "")) {
      if (row.pausedWhy === "operator" || row.pausedWhy === "refused_by_store" || row.pausedWhy === null) continue;
      if ("why" in workOf(row, this.#catalog, this.#producer)) continue;
      if (ruleProblems(row.rule, now).some(({ code }) => code !== "never_fires")) continue;
      await this.#pause.resume(runner, row, now);
    }
  }

  async #note(runner: SqlRunner, action: string, name: string, details: Record<string, unknown>): Promise<void> {
    await this.#audit.record(
      { actor: "code", action, subject: `schedule/${name}`, tenant: houseTenant, details },
      runner,
    );
    this.#log.info({ schedule: name, action, ...details }, "schedule.reconciled");
  }
}

/** Names of what differs: values may be a payload's. */
export function changedFields(from: ScheduleSpec, to: ScheduleSpec): string[] {
  const fields = ["job", "payload", "rule", "overlap", "missed", "spreadMs"] as const;
  return fields.filter((field) => !isSame(from[field], to[field]));
}
