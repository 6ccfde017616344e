import { z } from "zod";
import { schedulePolicies, scheduleRule } from "#core/schedule.ts";
import { pauseReasons, type ScheduleView, type TickRecord, type TickView, tickOutcomes } from "#core/schedule-view.ts";

/** What the API answers about schedules. Each is held to the type that the code really sends. */

const instant = z.iso.datetime().describe("ISO 8601, UTC.");
const jobId = z.uuid().nullable();

const tickView = z
  .object({
    utc: instant,
    local: z
      .string()
      .describe("As the zone's clock shows it, with its offset.")
      .meta({ examples: ["2027-03-28T03:00:00+02:00"] }),
    note: z
      .enum(["gap", "repeat"])
      .exactOptional()
      .describe("The clock skips the time that the rule names, or shows it twice: a rule decided."),
  })
  .meta({ id: "Tick" }) satisfies z.ZodType<TickView>;

export const scheduleView = z
  .object({
    name: z.string().meta({ examples: ["operations.verify-documents-nightly"] }),
    tenant: z.string().meta({ examples: ["acme"] }),
    job: z.string().meta({ examples: ["operations.verify-documents"] }),
    payload: z.unknown(),
    ...scheduleRule.shape,
    sentence: z.string().describe("The rule in words."),
    ...schedulePolicies.shape,
    paused: z
      .object({
        why: z
          .enum(pauseReasons)
          .describe("Anything but `operator`: the house paused it, and incident `schedule_paused` says so."),
        since: instant,
      })
      .nullable(),
    next: tickView.extend({ dueAt: instant.describe("The tick and its share of `spreadMs`.") }).nullable(),
    last: z.object({ tick: instant.nullable(), jobId }),
    fired: z.int().describe("Ticks that have come since the rule was set."),
    origin: z.enum(["code", "api"]),
    edited: z.boolean().describe("Declared in code, and changed by an operator since."),
    declaredDiffers: z.boolean().describe("The code declares something else than what is in force."),
    revision: z.int().describe("Grows with every change."),
    createdAt: instant,
    changedAt: instant,
    links: z.object({ self: z.string(), preview: z.string(), ticks: z.string() }),
  })
  .meta({ id: "Schedule" }) satisfies z.ZodType<ScheduleView>;

export const schedulePage = z.object({
  items: z.array(scheduleView),
  nextCursor: z.string().nullable().describe("Give it as `cursor` for the next page; `null` on the last."),
});

export const schedulePreview = z.object({ ticks: z.array(tickView) });

export const tickPage = z.object({
  items: z.array(
    z
      .object({
        tick: instant,
        until: instant.nullable().describe("The line is about all ticks from `tick` up to and including this one."),
        count: z.int().nullable().describe("How many ticks the line is about; `null`: more than 1,000, not counted."),
        outcome: z
          .enum(tickOutcomes)
          .describe(
            "`joined`: a job held the job's deduplication key. `overlapped`: the job before was still open. `merged`: missed, " +
              "and made up for by the job of a later tick. `missed`: left out.",
          ),
        jobId,
        recordedAt: instant,
      })
      .meta({ id: "TickRecord" }) satisfies z.ZodType<TickRecord>,
  ),
  nextCursor: z.string().nullable().describe("Give it as `cursor` for the next page; `null` on the last."),
});
