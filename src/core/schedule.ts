import { z } from "zod";
import { days, seconds } from "./duration.ts";

/** What to do with a local time that the clock skips in spring: run at the first instant after the gap, or not at all. */
export const gapPolicies = ["later", "skip"] as const;
/** What to do at a tick while the schedule's job before still lives: run both, leave this one out, or run it afterwards. */
export const overlapPolicies = ["allow", "skip", "queue"] as const;
/** What to do with ticks that passed while no scheduler looked: nothing, one job for all of them, or one each (at most 100). */
export const missedPolicies = ["skip", "once", "all"] as const;

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
  timeZone: z.string().min(1).max(64).default("UTC").describe("IANA name of the zone that the rule's wall clock stands in."),
  gap: z.enum(gapPolicies).default("later"),
  startsAt: instant.optional().describe("No tick before this instant."),
  endsAt: instant.optional().describe("No tick after this instant."),
  limit: z.int().min(1).optional().describe("No more than so many ticks in all."),
});

export type ScheduleRule = z.output<typeof scheduleRule>;
