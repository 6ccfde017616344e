import type { Catalog } from "#core/catalog.ts";
import { InvalidInput, NightshiftError } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { TickRecord } from "#core/schedule-view.ts";
import type { SqlRunner } from "#core/sql.ts";
import type { Audit } from "../access/audit.ts";
import type { Database } from "../ledger/database.ts";
import type { Incidents } from "../ledger/incidents.ts";
import { type ScheduleRow, Schedules } from "../ledger/schedules.ts";
import type { EnqueueContext, OwnTransaction, Producer } from "../producer/producer.ts";
import type { Receipt } from "../producer/receipt.ts";
import { changedFields } from "./declared.ts";
import { HousePause } from "./house-pause.ts";
import { nextOf } from "./next.ts";
import { checkRequest } from "./schedule-request.ts";
import { isSame, specOf, standing } from "./standing.ts";
import { workOf } from "./work.ts";

/** No schedule of that name, or none of this tenant. */
export class ScheduleNotFound extends NightshiftError {
  readonly code = "schedule_not_found";

  constructor(name: string) {
    super(
      `Expected the name of a schedule of this tenant, found "${name.slice(0, 64)}". GET /v1/schedules lists them.`,
    );
  }
}

/** It comes with the code, and would be back with the next start of a scheduler. */
export class ScheduleDeclared extends NightshiftError {
  readonly code = "schedule_declared";

  constructor(name: string) {
    super(`Schedule "${name}" is declared in code: pause it, or take it out of the code`);
  }
}

/** Who changes a schedule. */
export interface Editor {
  /** Id of the key. */
  readonly actor: string;
  readonly role: string;
}

/**
 * Schedules as people change them. Every change commits together with its line in the audit, and wakes the schedulers. A
 * refused one changes nothing.
 */
export class ScheduleRegistry {
  readonly #database: Database;
  readonly #producer: Producer;
  readonly #catalog: Catalog;
  readonly #audit: Audit;
  readonly #schedules: Schedules;
  readonly #pause: HousePause;

  constructor(options: {
    database: Database;
    producer: Producer;
    catalog: Catalog;
    audit: Audit;
    incidents: Incidents;
    log: Log;
  }) {
    this.#database = options.database;
    this.#producer = options.producer;
    this.#catalog = options.catalog;
    this.#audit = options.audit;
    this.#schedules = new Schedules(options.database.schema);
    this.#pause = new HousePause({ ...options, schedules: this.#schedules });
  }

  /** Rejects with ScheduleNotFound. */
  async get(tenant: string, name: string): Promise<ScheduleRow> {
    const row = await this.#schedules.find(this.#database, tenant, name);
    if (!row) throw new ScheduleNotFound(name);
    return row;
  }

  list(filter: Parameters<Schedules["list"]>[1]): Promise<readonly ScheduleRow[]> {
    return this.#schedules.list(this.#database, filter);
  }

  /** Newest first. Rejects with ScheduleNotFound. */
  async history(tenant: string, name: string, before: number | null, limit: number): Promise<readonly TickRecord[]> {
    const { id } = await this.get(tenant, name);
    return this.#schedules.history(this.#database, id, before, limit);
  }

  /** Make a schedule, or make it this one. Rejects with InvalidInput, every problem by its path. Safe to repeat. */
  async put(
    editor: Editor,
    tenant: string,
    name: string,
    body: unknown,
  ): Promise<{ readonly row: ScheduleRow; readonly created: boolean }> {
    const { spec, job } = checkRequest(body, { catalog: this.#catalog, producer: this.#producer, now: Date.now() });
    const dangling = await this.#producer.dangling(tenant, { job, payload: spec.payload });
    if (dangling.length > 0) throw new InvalidInput("The schedule was refused", dangling);
    const set = { ...spec, payloadVersion: job.version ?? 1 };
    return this.#change(async (own) => {
      const now = await this.#schedules.now(own);
      const before = await this.#schedules.find(own, tenant, name, true);
      if (!before) {
        const place = standing({ tenant, name }, null, spec, now);
        const fresh = { ...set, ...place, pausedWhy: null, origin: "api", edited: false, declared: null } as const;
        const row = await this.#schedules.insert(own, tenant, name, fresh);
        if (!row) return null; // somebody else has just made one of that name
        await this.#note(own, editor, "schedule.create", row, { job: spec.job });
        return { row, created: true };
      }
      if (isSame(specOf(before), spec) && (before.pausedWhy === null || before.pausedWhy === "operator"))
        return { row: before, created: false };
      const { next, fired } = standing(before, before, spec, now);
      // What the house had paused for has just been checked; what an operator paused stays so.
      const pausedWhy = before.pausedWhy === "operator" ? "operator" : null;
      const declared = before.declared ?? (before.origin === "code" ? specOf(before) : null);
      const edited = declared !== null && !isSame(declared, spec);
      const row = await this.#schedules.save(own, before.id, {
        ...{ ...before, ...set, fired, pausedWhy, edited },
        next: pausedWhy === null ? next : null,
        declared: edited ? declared : null,
      });
      if (before.pausedWhy !== pausedWhy) await this.#pause.over(own, row);
      await this.#note(own, editor, "schedule.change", row, { job: spec.job, changed: changedFields(before, spec) });
      return { row, created: false };
    });
  }

  /** Rejects with ScheduleNotFound, or ScheduleDeclared. Jobs that it has enqueued go on. */
  async remove(editor: Editor, tenant: string, name: string): Promise<void> {
    await this.#change(async (own) => {
      const row = await this.#locked(own, tenant, name);
      if (row.origin === "code") throw new ScheduleDeclared(name);
      await this.#schedules.remove(own, row.id);
      await this.#pause.over(own, row);
      await this.#note(own, editor, "schedule.delete", row, { job: row.job });
      return row;
    });
  }

  /** No tick comes while it is paused, and none is missed. Rejects with ScheduleNotFound. Safe to repeat. */
  pause(editor: Editor, tenant: string, name: string): Promise<ScheduleRow> {
    return this.#change(async (own) => {
      const before = await this.#locked(own, tenant, name);
      if (before.pausedWhy === "operator") return before;
      const row = await this.#schedules.save(own, before.id, { ...before, pausedWhy: "operator", next: null });
      if (before.pausedWhy !== null) await this.#pause.over(own, row);
      await this.#note(own, editor, "schedule.pause", row, {});
      return row;
    });
  }

  /** Goes on with the first tick from now. Rejects with ScheduleNotFound; InvalidInput when it could not fire. Safe to repeat. */
  resume(editor: Editor, tenant: string, name: string): Promise<ScheduleRow> {
    return this.#change(async (own) => {
      const before = await this.#locked(own, tenant, name);
      if (before.pausedWhy === null) return before;
      this.#workOf(before);
      const after = Math.max(await this.#schedules.now(own), before.lastTick ?? 0);
      const next = nextOf(before, after, before.fired);
      const row = await this.#schedules.save(own, before.id, { ...before, pausedWhy: null, next });
      await this.#pause.over(own, row);
      await this.#note(own, editor, "schedule.resume", row, { was: before.pausedWhy });
      return row;
    });
  }

  /**
   * Enqueue its job now, paused or not, whatever `overlap` says; the next tick stays as it is. The next tick's `overlap` counts
   * it as the job before. Rejects with ScheduleNotFound; InvalidInput when its job cannot be enqueued.
   */
  async run(editor: Editor, tenant: string, name: string, context: EnqueueContext = {}): Promise<Receipt> {
    const within = async (own: EnqueueContext & { readonly in: SqlRunner }) => {
      const row = await this.#locked(own.in, tenant, name);
      const { job, payload } = this.#workOf(row);
      const options = { tags: [`schedule/${name}`], correlationId: `${name}@run` };
      const receipt = await this.#producer.enqueue(tenant, job, payload, options, own);
      await this.#schedules.setLastJob(own.in, row.id, receipt.id);
      await this.#note(own.in, editor, "schedule.run", row, { jobId: receipt.id });
      return receipt;
    };
    const { in: runner } = context;
    if (runner) return within({ ...context, in: runner });
    return this.#producer.transaction((own: OwnTransaction) => within({ ...context, ...own }));
  }

  /** `null` from `work`: what it found has changed meanwhile; again. */
  async #change<T>(work: (own: SqlRunner) => Promise<T | null>): Promise<T> {
    for (;;) {
      const done = await this.#producer.transaction(async ({ in: own }) => {
        const result = await work(own);
        if (result !== null) await this.#schedules.tell(own);
        return result;
      });
      if (done !== null) return done;
    }
  }

  async #locked(own: SqlRunner, tenant: string, name: string): Promise<ScheduleRow> {
    const row = await this.#schedules.find(own, tenant, name, true);
    if (!row) throw new ScheduleNotFound(name);
    return row;
  }

  #workOf(row: ScheduleRow) {
    const work = workOf(row, this.#catalog, this.#producer);
    if (!("why" in work)) return work;
    const unknown = { path: "job", message: "Expected the name of a job in the catalog", code: work.why };
    throw new InvalidInput(`Schedule "${row.name}" cannot fire`, work.problems.length > 0 ? work.problems : [unknown]);
  }

  async #note(
    own: SqlRunner,
    { actor, role }: Editor,
    action: string,
    { tenant, name }: ScheduleRow,
    details: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const deed = { actor, action, subject: `schedule/${name}`, tenant, details: { role, via: "api", ...details } };
    await this.#audit.record(deed, own);
  }
}
