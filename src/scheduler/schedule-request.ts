import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import type { JobDefinition } from "#core/job.ts";
import { inlineLimitBytes } from "#core/large-json.ts";
import { toProblems } from "#core/problems.ts";
import { type ScheduleRule, type ScheduleSpec, schedulePolicies, scheduleRule } from "#core/schedule.ts";
import type { Producer } from "../producer/producer.ts";
import { presets } from "./presets.ts";
import { ruleProblems } from "./rule-problems.ts";

/** What `PUT /v1/schedules/{name}` takes. */
export const scheduleRequest = z.strictObject({
  job: z.string().min(1).max(80).describe("Name of the job to enqueue."),
  payload: z.unknown().describe("Of every job of this schedule; at most 64 KiB. GET /v1/job-types has its schema."),
  preset: z
    .string()
    .min(1)
    .max(80)
    .optional()
    .describe(`Instead of a rule: ${Object.keys(presets).join(", ")}.`),
  ...scheduleRule.shape,
  ...schedulePolicies.shape,
});

export type ScheduleRequest = z.input<typeof scheduleRequest>;

/** A request that was checked. */
export interface CheckedRequest {
  readonly spec: ScheduleSpec;
  readonly job: JobDefinition;
}

/** Check a request as a whole. Throws InvalidInput with every problem by its path; nothing is written. */
export function checkRequest(
  body: unknown,
  { catalog, producer, now }: { catalog: Catalog; producer: Pick<Producer, "check">; now: number },
): CheckedRequest {
  const parsed = scheduleRequest.safeParse(body);
  const problems: FieldProblem[] = parsed.error?.issues.flatMap((issue) => toProblems(issue, [])) ?? [];
  const given = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const job = catalog.jobs.find(({ name }) => name === given.job);
  if (!job && typeof given.job === "string")
    problems.push({ path: "job", message: "Expected the name of a job in the catalog", code: "unknown_job" });
  if (job) problems.push(...payloadProblems(job, given.payload, producer));
  const rule = checkRule(given, problems, now);
  if (problems.length > 0 || !job || !rule || !parsed.data)
    throw new InvalidInput("The schedule was refused", problems);
  const { overlap, missed, spreadMs } = parsed.data;
  return { job, spec: { job: job.name, payload: given.payload, rule, overlap, missed, spreadMs } };
}

function payloadProblems(job: JobDefinition, payload: unknown, producer: Pick<Producer, "check">): FieldProblem[] {
  const problems = [...producer.check({ job, payload })];
  if (problems.length === 0 && Buffer.byteLength(JSON.stringify(payload) ?? "") > inlineLimitBytes)
    problems.push({
      path: "payload",
      message: `Expected at most ${inlineLimitBytes} bytes, found more`,
      code: "too_big",
    });
  return problems;
}

/** The rule of a request, or `null` and why. What `scheduleRequest` has told already is not told again. */
function checkRule(given: Record<string, unknown>, problems: FieldProblem[], now: number): ScheduleRule | null {
  const kinds = ["cron", "rrule", "everyMs", "preset"].filter((kind) => given[kind] !== undefined);
  const preset =
    typeof given.preset === "string" && Object.hasOwn(presets, given.preset) ? presets[given.preset]! : null;
  if (kinds.length !== 1)
    problems.push({
      path: "",
      message: `Expected exactly one of cron, rrule, everyMs and preset, found ${kinds.length}`,
      code: kinds.length === 0 ? "rule_missing" : "rule_ambiguous",
    });
  if (typeof given.preset === "string" && !preset)
    problems.push({
      path: "preset",
      message: `Expected one of ${Object.keys(presets).join(", ")}, found another`,
      code: "unknown_preset",
    });
  const own = Object.fromEntries(Object.keys(scheduleRule.shape).map((field) => [field, given[field]]));
  const { data } = scheduleRule.safeParse({ ...own, ...preset?.rule });
  if (!data) return null;
  // With no rule of its own, or with two, at least the frame around it is checked.
  const { cron: _cron, rrule: _rrule, everyMs: _everyMs, ...frame } = data;
  const rule = kinds.length === 1 && (given.preset === undefined || preset) ? data : { ...frame, everyMs: 60_000 };
  problems.push(...ruleProblems(rule, now));
  return stripped(rule);
}

/** Without what was not given. */
function stripped(rule: ScheduleRule): ScheduleRule {
  return JSON.parse(JSON.stringify(rule));
}
