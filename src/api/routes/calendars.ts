import { z } from "zod";
import { application, readApplication } from "../../reminders/calendars/application.ts";
import { applyCalendar } from "../../reminders/calendars/apply.ts";
import type { ComplianceCalendar } from "../../reminders/calendars/calendar.ts";
import { calendars, findCalendar } from "../../reminders/calendars/list.ts";
import type { Reminders } from "../../reminders/reminders.ts";
import { oneTenant } from "../authenticate.ts";
import { type Idempotency, idempotent } from "../idempotency.ts";
import { appliedCalendar, calendarView } from "../obligation-shapes.ts";
import type { Operation } from "../operation.ts";
import { Refusal } from "../problem.ts";
import { readBody } from "../read-body.ts";
import { tenantHeader } from "./obligations.ts";

const params = z.object({
  id: z
    .string()
    .describe("The calendar's `id`.")
    .meta({ examples: ["in-gst"] }),
});

interface Deps {
  readonly reminders: Reminders;
  readonly idempotency: Idempotency;
}

/** GET /v1/calendars, GET /v1/calendars/{id} and POST /v1/calendars/{id}/apply. */
export function calendarRoutes({ reminders: { obligations }, idempotency }: Deps): Operation[] {
  return [
    {
      name: "calendars.list",
      tag: "Obligations",
      method: "get",
      path: "/v1/calendars",
      summary: "List the calendars",
      description: "Duties that somebody has looked up: dated data with its sources, and no advice.",
      needs: "read",
      answers: { 200: { description: "All of them.", schema: z.object({ items: z.array(calendarView) }) } },
      problems: [],
      handle({ res }) {
        res.json({ items: calendars });
      },
    },
    {
      name: "calendars.get",
      tag: "Obligations",
      method: "get",
      path: "/v1/calendars/{id}",
      summary: "Read a calendar",
      needs: "read",
      params,
      answers: { 200: { description: "The calendar.", schema: calendarView } },
      problems: ["calendar_not_found"],
      handle({ req, res }) {
        res.json(requireCalendar(req.params.id));
      },
    },
    {
      name: "calendars.apply",
      tag: "Obligations",
      method: "post",
      path: "/v1/calendars/{id}/apply",
      summary: "Make a calendar's duties a company's obligations",
      description: "All in one commit. What it made before is left as it is, so it is safe to repeat.",
      needs: "enqueue",
      params,
      headers: { ...tenantHeader, ...idempotent.header },
      body: application,
      answers: {
        200: { description: "Applied and planned.", schema: appliedCalendar, headers: { ...idempotent.answerHeader } },
      },
      problems: ["calendar_not_found", "invalid_input", "tenant_required", ...idempotent.problems],
      async handle(call) {
        const tenant = oneTenant(call.caller);
        const calendar = requireCalendar(call.req.params.id);
        const given = readApplication(readBody(z.unknown(), call.body), calendar);
        await idempotency.answer(call, async ({ in: own }) => {
          const apply = (sql: NonNullable<typeof own>) => applyCalendar(obligations, tenant, calendar, given, sql);
          const applied = own ? await apply(own) : await obligations.transaction(apply);
          return { status: 200, body: { calendar: calendar.id, company: given.company, ...applied } };
        });
      },
    },
  ];
}

function requireCalendar(id: unknown): ComplianceCalendar {
  const calendar = findCalendar(String(id));
  if (!calendar)
    throw new Refusal(
      "calendar_not_found",
      "Expected the id of a calendar, found another. GET /v1/calendars lists them.",
    );
  return calendar;
}
