import { z } from "zod";
import { standings } from "#core/standing.ts";
import { rolls } from "../reminders/business-day.ts";
import type { ComplianceView } from "../reminders/compliance.ts";
import type { DeliveryView, PreviewedMessage } from "../reminders/deliveries.ts";
import { obligationBody } from "../reminders/obligation.ts";
import type { StoredObligation } from "../reminders/obligations.ts";
import type { OccurrenceView } from "../reminders/occurrences.ts";
import { deliveryStates } from "../reminders/plan.ts";

/** What the API answers about obligations, as schemas for the OpenAPI document. Held to the types that the code sends. */

/** Instants are sent as text. */
type Sent<T> = { readonly [Key in keyof T]: T[Key] extends Date | null ? Exclude<T[Key], Date> | string : T[Key] };

const id = z.uuid();
const day = z.iso.date();
const instant = z.iso.datetime().describe("ISO 8601, UTC.");

export const occurrenceView = z
  .object({
    occursOn: day.describe("The day by the rule: what the occurrence is known by."),
    dueOn: day.describe("The day it is due, after the roll, in the obligation's zone."),
    standing: z
      .enum(standings)
      .describe("`due_soon`: within 14 days. `passed`: its day is over, and it is never overdue."),
    acknowledgedAt: instant.nullable(),
    snoozedUntil: day.nullable(),
    completedAt: instant.nullable(),
    completedBy: z.string().nullable().describe("Id of the key that said so."),
    evidence: z.string().nullable(),
  })
  .meta({ id: "Occurrence" }) satisfies z.ZodType<Sent<OccurrenceView>>;

const { due: _due, ...shape } = obligationBody.shape;
const stored = z.object({
  ...shape,
  id,
  tenant: z.string(),
  due: z.union([z.object({ on: day }), z.object({ rrule: z.string(), from: day, except: z.array(day).readonly() })]),
  source: z
    .object({ calendar: z.string(), rule: z.string() })
    .nullable()
    .describe("The calendar and its rule that it was made from."),
  revision: z.int().describe("Grows with every change."),
  plannedThrough: day.describe("Its messages are planned up to this day."),
  createdAt: instant,
  updatedAt: instant,
}) satisfies z.ZodType<Sent<StoredObligation>>;

export const obligationView = stored
  .extend({
    open: z.array(occurrenceView).describe("Open occurrences, the most pressing first; at most 12."),
    links: z.object({ self: z.string(), deliveries: z.string() }),
  })
  .meta({ id: "Obligation" });

export const obligationPage = z.object({
  items: z.array(stored.meta({ id: "ObligationLine", description: "An obligation without its occurrences." })),
  nextCursor: z.string().nullable(),
});

const delivery = z.object({
  id,
  obligationId: id,
  occursOn: day,
  dueOn: day.describe("What the message says, or said."),
  stage: z
    .string()
    .describe(
      "`-7d`, `-5b` (business days), `0d`, `overdue-owner`, `overdue-manager`, `moved-<day>`, `snooze-<day>`, `resolve`.",
    ),
  recipient: z.object({ id: z.string().describe("Your id of the person."), role: z.enum(["owner", "manager"]) }),
  channel: z.string(),
  state: z.enum(deliveryStates).describe("`unknown`: it may have arrived, and is not sent again by itself."),
  because: z.string().nullable().describe("Why it was suppressed or superseded."),
  fireAt: instant,
  sentAt: instant.nullable(),
  reference: z.string().nullable().describe("What it is known by outside, such as its Message-ID."),
  errorCode: z.string().nullable(),
  tries: z.int().describe("Attempts that the other side did not take."),
});

export const deliveryView = delivery.meta({ id: "Delivery" }) satisfies z.ZodType<Sent<DeliveryView>>;
export const deliveryPage = z.object({ items: z.array(deliveryView), nextCursor: z.string().nullable() });

export const previewPage = z.object({
  items: z.array(
    delivery
      .extend({
        title: z.string(),
        company: z.string(),
        local: z
          .string()
          .describe("The recipient's wall clock.")
          .meta({ examples: ["2026-12-20T09:00"] }),
        why: z.string(),
      })
      .meta({ id: "PreviewedMessage" }) satisfies z.ZodType<Sent<PreviewedMessage>>,
  ),
  nextCursor: z.string().nullable(),
});

const count = z.int().nonnegative();
export const complianceView = z
  .object({
    company: z.string(),
    asOf: instant,
    dueSoonDays: z.int(),
    counts: z
      .object({
        pending: count.describe("Open, due later than soon."),
        due_soon: count.describe("Open, due within `dueSoonDays`."),
        overdue: count.describe("Open, and the due date has passed."),
        passed: count.describe(
          "Neither completed nor overdue: their day is over, and their obligation has `overdue: null`.",
        ),
        completed: count,
      })
      .describe("Each occurrence is counted once."),
    total: count.describe("The sum of the five."),
  })
  .meta({ id: "Compliance" }) satisfies z.ZodType<Sent<ComplianceView>>;

export const calendarView = z
  .object({
    id: z.string(),
    title: z.string(),
    timeZone: z.string(),
    holidays: z.string().nullable(),
    validFrom: day.describe("The first day for which this version is right."),
    reviewedOn: day.describe("When it was last compared with its sources."),
    rules: z.array(
      z.object({
        key: z.string(),
        title: z.string(),
        kind: z.string(),
        rrule: z.string(),
        roll: z.enum(rolls),
        offsets: z.array(z.object({ days: z.int(), unit: z.enum(["calendar", "business"]) })).readonly(),
        when: z.string().exactOptional().describe("Whom it concerns. Such a rule is applied by name alone."),
        source: z.string(),
      }),
    ),
  })
  .meta({ id: "ComplianceCalendar" });

export const appliedCalendar = z.object({
  calendar: z.string(),
  company: z.string(),
  created: z.array(stored),
  existing: z.array(z.string()).describe("Rules whose obligation the company had already: left as they are."),
});
