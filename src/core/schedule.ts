import { z } from "zod";
import { days, seconds } from "./duration.ts";
import type { JobDefinition } from "./job.ts";

/** What to do with a local time that the clock skips in spring: run at the first instant after the gap, or not at all. */
export const gapPolicies = ["later", "skip"] as const;
/** What to do at a tick while the schedule's job before still lives: run both, leave this one out, or run it afterwards. */
export const overlapPolicies = ["allow", "skip", "queue"] as const;
/** What to do with ticks that passed while no scheduler looked: nothing, one job for all of them, or one each (at most 100). */
export const missedPolicies = ["skip", "once", "all"] as const;

export type OverlapPolicy = (typeof overlapPolicies)[number];
export type MissedPolicy = (typeof missedPolicies)[number];

const instant = z.iso.datetime({ offset: true });

/** When a schedule runs: exactly one of `cron`, `rrule` and `everyMs`, and the frame around it. */
export const scheduleRule = z.strictObject({
  cron: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("Five fields, or six beginning with seconds; names, ranges, steps, L, #, and @daily and its like."),
  rrule: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe("RFC 5545 recurrence rule, with SKIP of RFC 7529; counted from `startsAt`."),
  everyMs: z
    .int()
    .min(seconds(1))
    .max(days(366))
    .optional()
    .describe("At every multiple of this since `startsAt`, or since 1970."),
  timeZone: z
    .string()
    .min(1)
    .max(64)
    .default("UTC")
    .describe("IANA name of the zone that the rule's wall clock stands in."),
  gap: z.enum(gapPolicies).default("later"),
  startsAt: instant.optional().describe("No tick before this instant."),
  endsAt: instant.optional().describe("No tick after this instant."),
  limit: z.int().min(1).optional().describe("No more than so many ticks in all."),
});

export type ScheduleRule = z.output<typeof scheduleRule>;

/** Names of schedules: one string in addresses, logs, tags and files. */
export const scheduleName = z
  .string()
  .regex(/^[a-z][a-z0-9.-]{0,63}$/, "Expected a name in [a-z0-9.-], at most 64 characters, beginning with a letter");

/** How a schedule treats the ticks of its rule. */
export const schedulePolicies = z.strictObject({
  overlap: z
    .enum(overlapPolicies)
    .default("allow")
    .describe("At a tick while the job before is still open: run both, leave this tick out, or run it afterwards."),
  missed: z
    .enum(missedPolicies)
    .default("once")
    .describe(
      "Ticks that passed while no scheduler ran (or more than a minute ago): leave them out, one job for all of them, or " +
        "one each for the newest 100. Each is recorded.",
    ),
  spreadMs: z
    .int()
    .min(0)
    .max(days(1))
    .default(0)
    .describe("Enqueue up to so much later than the tick: always the same for one tick, different between schedules."),
});

export type SchedulePolicies = z.output<typeof schedulePolicies>;

/** What a schedule is told to do, without where it stands. */
export interface ScheduleSpec extends SchedulePolicies {
  readonly job: string;
  readonly payload: unknown;
  readonly rule: ScheduleRule;
}

/** The rule of a declaration: without `timeZone` it stands in that of the installation (`TIME_ZONE`). */
export type DeclaredRule = Omit<ScheduleRule, "timeZone"> & { readonly timeZone?: string };

/** A schedule of the house that comes with the code (`jobs/<family>/*.schedule.ts`). */
export interface ScheduleDefinition extends SchedulePolicies {
  readonly name: string;
  readonly job: JobDefinition;
  readonly payload: unknown;
  readonly rule: DeclaredRule;
}

type Declaration<Payload extends z.ZodType> = Omit<z.input<typeof scheduleRule>, "timeZone"> &
  z.input<typeof schedulePolicies> & {
    readonly name: string;
    readonly job: JobDefinition<Payload>;
    readonly payload: z.input<Payload>;
    readonly timeZone?: string;
  };

/**
 * Declare a schedule of the house: its jobs belong to the tenant `*`. The scheduler reconciles what is declared at its start.
 * Throws a RangeError for a name, a payload or a frame that cannot work; the rule itself is checked by
 * `test/scheduler/declared.test.ts`, and by the scheduler.
 */
export function defineSchedule<Payload extends z.ZodType>(declaration: Declaration<Payload>): ScheduleDefinition {
  const { name, job, payload, overlap, missed, spreadMs, timeZone, ...rest } = declaration;
  parsed(name, scheduleName, name);
  if ([rest.cron, rest.rrule, rest.everyMs].filter((one) => one !== undefined).length !== 1)
    throw new RangeError(`Schedule "${name}": expected exactly one of cron, rrule and everyMs`);
  const { timeZone: _, ...rule } = parsed(name, scheduleRule, rest);
  const policies = parsed(name, schedulePolicies, { overlap, missed, spreadMs });
  parsed(name, job.payload, payload);
  return {
    name,
    job: job as unknown as JobDefinition,
    payload,
    rule: { ...rule, ...(timeZone && { timeZone }) },
    ...policies,
  };
}

function parsed<Schema extends z.ZodType>(name: string, schema: Schema, value: unknown): z.output<Schema> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw new RangeError(`Schedule "${name}": ${issue?.message ?? "refused"} at "${issue?.path.join(".") ?? ""}"`);
}
