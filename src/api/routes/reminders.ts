import { z } from "zod";
import { uuidPattern } from "#core/uuid.ts";
import type { Audit } from "../../access/audit.ts";
import { DeliveryNotFound } from "../../reminders/deliveries.ts";
import { horizonDays } from "../../reminders/planner.ts";
import type { Reminders } from "../../reminders/reminders.ts";
import { oneTenant } from "../authenticate.ts";
import { complianceView, deliveryPage, deliveryView, previewPage } from "../obligation-shapes.ts";
import { type Operation, parseQuery, uuidParam } from "../operation.ts";
import { Refusal } from "../problem.ts";
import { readTimeCursor, timeCursor, timeCursorOf } from "../time-cursor.ts";

const company = z.string().regex(/^[\w.:-]{1,100}$/);
const previewQuery = z.strictObject({
  days: z.coerce.number().int().min(1).max(horizonDays).default(90).describe("How far ahead."),
  company: company.optional().describe("Only about this company."),
  cursor: timeCursor,
  limit: z.coerce.number().int().min(1).max(1_000).default(200).describe("Messages per page."),
});
const troubleQuery = z.strictObject({
  state: z.enum(["failed", "unknown"]).default("unknown"),
  cursor: z
    .string()
    .regex(uuidPattern, "Expected the nextCursor of a page")
    .optional()
    .describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(500).default(100).describe("Deliveries per page."),
});
const complianceQuery = z.strictObject({
  dueSoonDays: z.coerce
    .number()
    .int()
    .min(0)
    .max(366)
    .default(14)
    .describe("From so many days before the due date on it is due soon."),
});

/** What will be sent, what went wrong, and how a company stands. */
export function reminderRoutes({
  reminders: { deliveries, compliance },
  audit,
}: {
  reminders: Reminders;
  audit: Audit;
}): Operation[] {
  return [
    {
      name: "reminders.preview",
      tag: "Obligations",
      method: "get",
      path: "/v1/reminders/preview",
      summary: "Every message that would go out",
      description:
        "To whom, when by their own clock, and why: read from the rows that will be sent, so it is the truth unless something " +
        "changes. Overdue stages are in it: they fall away when the occurrence is completed.",
      needs: "read",
      query: previewQuery,
      answers: { 200: { description: "One page, in the order of time.", schema: previewPage } },
      problems: ["invalid_input", "tenant_required"],
      async handle({ req, res, caller }) {
        const { cursor, limit, ...filter } = parseQuery(previewQuery, req);
        const after = cursor === undefined ? undefined : readTimeCursor(cursor)!;
        const found = await deliveries.ahead(oneTenant(caller), { ...filter, after, limit: limit + 1 });
        const items = found.slice(0, limit);
        res.json({ items, nextCursor: found.length > limit ? timeCursorOf(items.at(-1)!) : null });
      },
    },
    {
      name: "reminders.troubled",
      tag: "Obligations",
      method: "get",
      path: "/v1/reminders/deliveries",
      summary: "Messages that failed, or of which it is not known",
      description:
        "`unknown`: the sender vanished, or the answer was lost, after the other side may have taken it. Such a message is held " +
        "on e-mail and Slack, which cannot tell one message from two.",
      needs: "read",
      query: troubleQuery,
      answers: { 200: { description: "One page, the newest first.", schema: deliveryPage } },
      problems: ["invalid_input", "tenant_required"],
      async handle({ req, res, caller }) {
        const { cursor, limit, state } = parseQuery(troubleQuery, req);
        const found = await deliveries.troubled(oneTenant(caller), state, { before: cursor, limit: limit + 1 });
        const items = found.slice(0, limit);
        res.json({ items, nextCursor: found.length > limit ? items.at(-1)!.id : null });
      },
    },
    {
      name: "reminders.resend",
      tag: "Obligations",
      method: "post",
      path: "/v1/reminders/deliveries/{id}/resend",
      summary: "Send a message again",
      description: "One that failed, or is unknown and did not arrive: it goes out with the next sweep.",
      needs: "operate",
      params: z.object({ id: z.uuid().describe("The delivery's `id`.") }),
      answers: { 202: { description: "Planned again.", schema: deliveryView } },
      problems: ["delivery_not_found", "delivery_not_resendable", "tenant_required"],
      async handle({ req, res, caller }) {
        const tenant = oneTenant(caller);
        const id = uuidParam(req, "id");
        if (id === null) throw new DeliveryNotFound();
        const deed = await audit.record({
          actor: caller.keyId,
          action: "delivery.resend",
          subject: `delivery/${id}`,
          tenant,
        });
        const planned = await deliveries.resend(tenant, id);
        await audit.conclude(deed, { outcome: "planned" });
        res.status(202).json(planned);
      },
    },
    {
      name: "compliance.get",
      tag: "Obligations",
      method: "get",
      path: "/v1/compliance/{company}",
      summary: "How a company stands",
      description:
        "Its occurrences, each counted once: what was completed, what is overdue, what has passed without being wanted, what is due " +
        "soon, and what comes later within the 400 days that are planned. Days are those of each obligation's zone.",
      needs: "read",
      params: z.object({ company: z.string().describe("The company, in your numbering.") }),
      query: complianceQuery,
      answers: { 200: { description: "The counts; all 0 for a company that owes nothing.", schema: complianceView } },
      problems: ["invalid_input", "route_not_found", "tenant_required"],
      async handle({ req, res, caller }) {
        const { dueSoonDays } = parseQuery(complianceQuery, req);
        const { data } = company.safeParse(req.params.company);
        if (data === undefined)
          throw new Refusal("route_not_found", "Expected a company's id of A-Z a-z 0-9 . _ : -, found another");
        res.json(await compliance.of(oneTenant(caller), data, dueSoonDays));
      },
    },
  ];
}
