import { Audit } from "../../src/access/audit.ts";
import { hours } from "../../src/core/duration.ts";
import type { JobDefinition } from "../../src/core/job.ts";
import type { TickRecord } from "../../src/core/schedule-view.ts";
import { ScheduleRegistry } from "../../src/scheduler/registry.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

export const editor = { actor: "tester", role: "operator" };

/** A rig with schedules in it. Rows are set by hand, so that they are due when the test wants it. */
export interface Stage extends AsyncDisposable {
  readonly rig: Rig;
  readonly registry: ScheduleRegistry;
  /** A scheduler of its own, stopped with the stage. */
  scheduler(): Scheduler;
  /** A schedule of each full hour, unless told otherwise. */
  put(name: string, body?: Record<string, unknown>): Promise<void>;
  /** Say when its next tick is; schedulers are told. */
  setNext(name: string, at: number): Promise<void>;
  history(name: string): Promise<readonly TickRecord[]>;
  /** Ids of the schedule's jobs, oldest first. */
  jobs(name: string): Promise<string[]>;
  audit(name: string): Promise<{ actor: string; action: string; details: Record<string, unknown> }[]>;
}

export async function openStage(
  jobs: readonly JobDefinition[],
  options: Partial<Parameters<typeof startRig>[0]> = {},
): Promise<Stage> {
  const rig = await startRig({ jobs, ...options });
  const { runtime, schema } = rig;
  const registry = new ScheduleRegistry({ ...runtime, audit: new Audit(runtime.database) });
  const started: Scheduler[] = [];
  return {
    rig,
    registry,
    scheduler() {
      const scheduler = new Scheduler({ ...runtime, timeZone: "UTC" });
      started.push(scheduler);
      return scheduler;
    },
    async put(name, body = {}) {
      await registry.put(editor, tenant, name, { job: jobs[0]!.name, payload: {}, everyMs: hours(1), ...body });
    },
    async setNext(name, at) {
      await runtime.database.executeSql(
        `update ${schema}.schedules set next_tick = $2, next_due = $2 where name = $1`,
        [name, new Date(at)],
      );
      await runtime.database.executeSql(`select pg_notify('${schema}_schedules', '')`);
    },
    history: (name) => registry.history(tenant, name, null, 1_000),
    async jobs(name) {
      const found = await runtime.reader.list({ tenant: null, tag: `schedule/${name}`, limit: 1_000 });
      return found.map(({ id }) => id).reverse();
    },
    async audit(name) {
      const { rows } = await runtime.database.executeSql(
        `select actor, action, details from ${schema}.audit where subject = $1 order by id`,
        [`schedule/${name}`],
      );
      return rows as { actor: string; action: string; details: Record<string, unknown> }[];
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((scheduler) => scheduler.stop(5_000)));
      await rig[Symbol.asyncDispose]();
    },
  };
}

/** The last full hour. */
export const lastHour = () => Math.floor(Date.now() / hours(1)) * hours(1);
