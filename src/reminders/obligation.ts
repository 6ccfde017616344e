import { z } from "zod";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import { priorities } from "#core/priority.ts";
import { toProblems } from "#core/problems.ts";
import { rolls } from "./business-day.ts";
import { dayIn, isDate, isZone } from "./date.ts";
import type { HolidayBook } from "./holiday-book.ts";
import { nextDate, problemsOfRule, type Recurrence } from "./recurrence.ts";

/** Where a reminder can go. */
export const channels = ["email", "slack", "pagerduty"] as const;
export type ChannelName = (typeof channels)[number];

const coded = (code: string, message: string) => ({ error: message, params: { code } });
/** One line of text: it becomes a subject, so no control character may stand in it. */
const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, "Expected one line without control characters");
/** The caller's own word for something. Not an address: it is kept where addresses are not. */
const word = z
  .string()
  .regex(/^[A-Za-z0-9][\w.:-]{0,99}$/, "Expected 1 to 100 of A-Z a-z 0-9 . _ : -, beginning with a letter or digit");

const date = z
  .string()
  .refine(isDate, coded("date_impossible", "Expected a day that exists, as 2026-11-20, found none"))
  .meta({ format: "date", examples: ["2026-12-31"] });
const zone = z
  .string()
  .refine(isZone, coded("zone_unknown", "Expected an IANA time zone such as Asia/Kolkata, found none of that name"))
  .meta({ examples: ["Asia/Kolkata"] });

const person = z.strictObject({
  id: word.describe("Your own id of the person. Records of who was told name this, never an address."),
  name: line(120),
  email: z.email().max(254).optional(),
  slack: z
    .string()
    .regex(/^[UW][A-Z0-9]{2,20}$/, "Expected a Slack member id such as U024BE7LH")
    .optional()
    .describe("Slack member id, to be mentioned by."),
  timeZone: zone.optional().describe("Default: the obligation's."),
});
export type Person = z.output<typeof person>;

/** By which a person is reached. PagerDuty is reached by the routing key of the installation. */
const addressOf: Readonly<Record<ChannelName, "email" | "slack" | null>> = {
  email: "email",
  slack: "slack",
  pagerduty: null,
};

const due = z
  .strictObject({
    on: date.optional().describe("Once, on this day."),
    rrule: z
      .string()
      .max(500)
      .optional()
      .describe("Again and again: an RFC 5545 rule on dates, with SKIP of RFC 7529.")
      .meta({ examples: ["FREQ=MONTHLY;BYMONTHDAY=20"] }),
    from: date.optional().describe("The day the rule counts from (DTSTART). Default: the day it is created."),
    except: z.array(date).max(400).optional().describe("Days on which the rule does not occur (EXDATE)."),
  })
  .superRefine((value, ctx) => {
    const refuse = (path: string[], code: string, message: string) =>
      ctx.addIssue({ code: "custom", path, message, params: { code }, input: value });
    if ((value.on === undefined) === (value.rrule === undefined))
      refuse([], "due_ambiguous", 'Expected one of "on" and "rrule"');
    for (const field of ["from", "except"] as const)
      if (value.on !== undefined && value[field] !== undefined)
        refuse([field], "contradiction", `Expected no "${field}" beside "on", found one`);
    for (const problem of value.rrule === undefined ? [] : problemsOfRule(value.rrule, ""))
      refuse(["rrule"], problem.code!, problem.message);
  })
  .describe("Either `on`, or `rrule` with `from` and `except`.");

const offset = z.strictObject({
  days: z.int().min(-366).max(366).describe("Below 0: before the due date."),
  unit: z.enum(["calendar", "business"]).default("calendar"),
});
export type Offset = z.output<typeof offset>;

const once =
  <T>(by: (item: T) => string) =>
  (items: readonly T[]) =>
    new Set(items.map(by)).size === items.length;

/** The fields, without what holds between them. */
const fields = {
  title: line(200),
  kind: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/, "Expected a word of a-z 0-9 -")
    .meta({ examples: ["tax-return"] }),
  company: word.describe("The company that owes it, in your numbering."),
  owner: person,
  manager: person.nullable().default(null).describe("Told when it is overdue and the owner did not answer."),
  timeZone: zone.describe("Where the due date is a day, and recipients are unless they say otherwise."),
  due,
  roll: z.enum(rolls).default("none").describe("What a due date does that falls on a day off."),
  calendar: z
    .string()
    .max(8)
    .nullable()
    .default(null)
    .describe("Holiday calendar, by country and state. Default: weekends only.")
    .meta({ examples: ["IN", "GB-ENG", "US-NY"] }),
  offsets: z
    .array(offset)
    .max(20)
    .refine(
      once<Offset>(({ days, unit }) => `${days}${unit}`),
      coded("repeated", "Expected each offset once"),
    )
    .default([-30, -7, -1, 0].map((days) => ({ days, unit: "calendar" as const })))
    .describe("When the owner is reminded, in days from the due date."),
  overdue: z
    .strictObject({
      ownerDays: z.int().min(1).max(366).default(1),
      managerDays: z.int().min(1).max(366).default(3),
    })
    .nullable()
    .default({ ownerDays: 1, managerDays: 3 })
    .describe(
      "So many days after the due date the owner is told that it is overdue, and then the manager: each once. `null`: it is " +
        "never overdue. Nobody is told, and when its day has passed it is over; for meetings and the like.",
    ),
  at: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, "Expected HH:MM")
    .default("09:00")
    .describe("The recipient's wall clock at which messages go out."),
  channels: z
    .array(z.enum(channels))
    .min(1)
    .refine(
      once<ChannelName>((name) => name),
      coded("repeated", "Expected each channel once"),
    )
    .default(["email"]),
  priority: z.enum(priorities).default("normal"),
} as const;

/** What a caller says about an obligation. */
export const obligationBody = z.strictObject(fields);
/** What a caller changes: `null` takes a manager, a calendar or the ladder away. */
export const obligationPatch = z
  .strictObject(fields)
  .partial()
  .describe(
    "Only what changes. A field that is given is replaced as a whole; `null` takes `manager`, `calendar` or `overdue` away.",
  );

type Given = z.output<typeof obligationBody>;

/** An obligation as it is stored: complete, so that it means the same for ever. */
export interface ObligationBody extends Omit<Given, "due"> {
  readonly due: { readonly on: string } | Recurrence;
}

/** Once, or again and again. */
export function isOnce(one: ObligationBody["due"]): one is { readonly on: string } {
  return "on" in one;
}

/** Fields that are looked at together, as soon as they can be read, whatever is wrong with the others. */
const told = z.object({ owner: person, manager: fields.manager, channels: fields.channels });
const recurring = z.object({ timeZone: fields.timeZone, due });
const holidayed = z.object({ calendar: fields.calendar });
const timed = z.object({ offsets: fields.offsets, overdue: fields.overdue });

/**
 * Check an obligation as a whole. Throws InvalidInput with the path of every problem. `rule`: it must still occur after
 * `now`; false leaves that aside, for a change that does not touch the rule.
 */
export function readObligation(
  raw: unknown,
  holidays: HolidayBook,
  today: { now: number; rule: boolean },
): ObligationBody {
  const { data, error } = obligationBody.safeParse(raw);
  const problems = [
    ...(error?.issues.flatMap((issue) => toProblems(issue, [])) ?? []),
    ...addressProblems(raw),
    ...calendarProblems(holidayed.safeParse(raw).data, holidays),
    ...offsetProblems(timed.safeParse(raw).data),
    ...(today.rule ? ruleProblems(recurring.safeParse(raw).data, today.now) : []),
  ];
  if (!data || problems.length > 0) throw new InvalidInput("The obligation was refused", problems);
  return { ...data, due: dueOf(data, today.now) };
}

/** Complete: a rule counts from the day it is said, unless it says from when. */
function dueOf({ due: said, timeZone: zone }: z.output<typeof recurring>, now: number): ObligationBody["due"] {
  const { on, rrule = "", from = dayIn(zone, now), except = [] } = said;
  return on === undefined ? { rrule, from, except } : { on };
}

function* ruleProblems(said: z.output<typeof recurring> | undefined, now: number): Generator<FieldProblem> {
  const rule = said && dueOf(said, now);
  if (!rule || isOnce(rule) || nextDate(rule, dayIn(said.timeZone, now)) !== null) return;
  const message = "Expected a rule that occurs from today on, found one that never does";
  yield { path: "due.rrule", code: "never_occurs", message };
}

function* calendarProblems(
  said: z.output<typeof holidayed> | undefined,
  holidays: HolidayBook,
): Generator<FieldProblem> {
  if (!said || said.calendar === null || holidays.knows(said.calendar)) return;
  const message = "Expected a holiday calendar such as IN or GB-ENG, found none of that name";
  yield { path: "calendar", code: "calendar_unknown", message };
}

/** What is over when its day has passed has no day after. */
function* offsetProblems(said: z.output<typeof timed> | undefined): Generator<FieldProblem> {
  if (!said || said.overdue !== null) return;
  const message = 'Expected no day after the due date beside "overdue": null, found one';
  for (const [index, { days }] of said.offsets.entries())
    if (days > 0) yield { path: `offsets.${index}.days`, code: "contradiction", message };
}

/** Who has no address for a channel by which they are told; of what can be read as an obligation's `owner`, `manager` and `channels`. */
export function* addressProblems(raw: unknown): Generator<FieldProblem> {
  const said = told.safeParse(raw).data;
  if (!said) return;
  const { owner, manager, channels: used } = said;
  for (const [role, who] of [["owner", owner] as const, ["manager", manager] as const])
    for (const channel of used) {
      const field = addressOf[channel];
      if (who && field && who[field] === undefined)
        yield {
          path: `${role}.${field}`,
          code: "address_missing",
          message: `Expected an address for the channel "${channel}", found none`,
        };
    }
  if (manager && manager.id === owner.id)
    yield { path: "manager.id", code: "contradiction", message: "Expected somebody else than the owner" };
}
