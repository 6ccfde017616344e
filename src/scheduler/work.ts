import type { Catalog } from "#core/catalog.ts";
import { type FieldProblem, UnknownJob } from "#core/errors.ts";
import { type JobDefinition, upgraded } from "#core/job.ts";
import type { PauseReason } from "#core/schedule-view.ts";
import type { ScheduleRow } from "../ledger/schedules.ts";
import type { Producer } from "../producer/producer.ts";

/** What a schedule enqueues, as this release knows it. */
export interface Work {
  readonly job: JobDefinition;
  readonly payload: unknown;
}

/** Why this release cannot do what a schedule asks for. */
export interface NoWork {
  readonly why: Exclude<PauseReason, "operator">;
  readonly problems: readonly FieldProblem[];
}

/** The job and the payload of a schedule, which was made by this release or one before; or why there is none. */
export function workOf(
  schedule: Pick<ScheduleRow, "job" | "payload" | "payloadVersion">,
  catalog: Catalog,
  producer: Pick<Producer, "check">,
): Work | NoWork {
  try {
    const job = catalog.get(schedule.job);
    const payload = upgraded(job, schedule.payloadVersion, schedule.payload);
    const problems = producer.check({ job, payload });
    return problems.length > 0 ? { why: "payload_refused", problems } : { job, payload };
  } catch (error) {
    if (error instanceof UnknownJob) return { why: "unknown_job", problems: [] };
    const problem = { path: "payload", message: "Expected a version of the payload that this release reads" };
    return { why: "payload_refused", problems: [problem] };
  }
}
