import type { Request } from "express";
import { z } from "zod";
import { InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { recipientId } from "#core/report-delivery.ts";
import type { Audit } from "../../access/audit.ts";
import type { ReportRecipients } from "../../reports/recipients.ts";
import { type Caller, oneTenant } from "../authenticate.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { readBody } from "../read-body.ts";

const params = z.object({ id: recipientId.describe("Your own id of the person. Not an address.") });
const fields = {
  name: z
    .string()
    .trim()
    .min(1)
    .max(120)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, "Expected one line without control characters"),
  email: z.email().max(254),
} as const;
const body = z.strictObject(fields);
const view = z.object({ id: recipientId, ...fields }).meta({ id: "ReportRecipient" });
const query = z.strictObject({
  cursor: recipientId.optional().describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Recipients per page."),
});

/** GET /v1/reports/recipients, PUT and DELETE of one: whom `reports.deliver` may mail reports to. 200 · 201 · 204 · 422. */
export function reportRecipientRoutes({
  reports: { recipients },
  audit,
}: {
  reports: { readonly recipients: ReportRecipients };
  audit: Audit;
}): Operation[] {
  const common = { tag: "Reports", path: "/v1/reports/recipients/{id}", needs: "operate" } as const;
  /** Who did it to whom, by id: the address stays out. */
  const record = (caller: Caller, action: string, id: string) =>
    audit.record({ tenant: oneTenant(caller), actor: caller.keyId, action, subject: `report-recipient/${id}` });
  return [
    {
      ...common,
      name: "reports.recipients.list",
      method: "get",
      path: "/v1/reports/recipients",
      summary: "List the recipients of reports",
      description: "By id, with their addresses.",
      query,
      answers: {
        200: {
          description: "One page.",
          schema: z.object({ items: z.array(view), nextCursor: z.string().nullable() }),
        },
      },
      problems: ["invalid_input", "tenant_required"],
      async handle({ req, res, caller }) {
        const { cursor = "", limit } = parseQuery(query, req);
        const found = await recipients.list(oneTenant(caller), { after: cursor, limit: limit + 1 });
        const items = found.slice(0, limit);
        res.json({ items, nextCursor: found.length > limit ? items.at(-1)!.id : null });
      },
    },
    {
      ...common,
      name: "reports.recipients.put",
      method: "put",
      summary: "Make or change a recipient of reports",
      description:
        "Jobs and schedules name people by these ids and find the address when they send: a change holds for what is sent next.",
      params,
      body,
      answers: {
        200: { description: "Changed, or as it was.", schema: view },
        201: { description: "Made.", schema: view },
      },
      problems: ["invalid_input", "tenant_required"],
      async handle({ req, res, caller, body: given }) {
        const tenant = oneTenant(caller);
        const recipient = { id: idOf(req), ...readBody(body, given) };
        await record(caller, "report-recipient.put", recipient.id);
        res.status((await recipients.put(tenant, recipient)) ? 201 : 200).json(recipient);
      },
    },
    {
      ...common,
      name: "reports.recipients.remove",
      method: "delete",
      summary: "Remove a recipient of reports",
      description:
        "The address is erased. What still names them reaches the others, and fails for them. Safe to repeat.",
      params,
      answers: { 204: { description: "They are gone." } },
      problems: ["invalid_input", "tenant_required"],
      async handle({ req, res, caller }) {
        const tenant = oneTenant(caller);
        const id = idOf(req);
        await record(caller, "report-recipient.remove", id);
        await recipients.remove(tenant, id);
        res.status(204).end();
      },
    },
  ];
}

function idOf(req: Request): string {
  const { data, error } = recipientId.safeParse(req.params.id);
  if (data !== undefined) return data;
  throw new InvalidInput(
    "The recipient was refused",
    error!.issues.flatMap((issue) => toProblems(issue, ["id"])),
  );
}
