import type { Request } from "express";
import { z } from "zod";
import type { SqlRunner } from "#core/sql.ts";
import { uuidPattern } from "#core/uuid.ts";
import { obligationBody, obligationPatch } from "../../reminders/obligation.ts";
import { ObligationNotFound, type StoredObligation } from "../../reminders/obligations.ts";
import type { Reminders } from "../../reminders/reminders.ts";
import { oneTenant } from "../authenticate.ts";
import { type Idempotency, idempotent } from "../idempotency.ts";
import { deliveryPage, obligationPage, obligationView } from "../obligation-shapes.ts";
import { type Operation, parseQuery, uuidParam } from "../operation.ts";
import { readBody } from "../read-body.ts";
import { readTimeCursor, timeCursor, timeCursorOf } from "../time-cursor.ts";

const shownOccurrences = 12;

export const obligationParams = z.object({ id: z.uuid().describe("The obligation's `id`.") });
export const tenantHeader = { "Nightshift-Tenant": "Whose it is. Needed with a key that may act for any tenant." };

const listQuery = z.strictObject({
  company: z
    .string()
    .regex(/^[\w.:-]{1,100}$/)
    .optional()
    .describe("Only of this company."),
  kind: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .optional()
    .describe("Only of this kind."),
  cursor: z
    .string()
    .regex(uuidPattern, "Expected the nextCursor of a page")
    .optional()
    .describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Obligations per page."),
});
const deliveriesQuery = z.strictObject({
  cursor: timeCursor,
  limit: z.coerce.number().int().min(1).max(500).default(100).describe("Deliveries per page."),
});

/** What the fields may be is for the obligation as a whole to say: then every problem is in one answer. */
const anyFields = z.record(z.string(), z.unknown());

interface Deps {
  readonly reminders: Reminders;
  readonly idempotency: Idempotency;
}

/** POST, GET, PATCH and DELETE of /v1/obligations, and what was sent about one. */
export function obligationRoutes({ reminders, idempotency }: Deps): Operation[] {
  const { obligations, occurrences, deliveries } = reminders;
  const common = { tag: "Obligations", problems: ["obligation_not_found", "tenant_required"] } as const;

  async function view(stored: StoredObligation, within?: SqlRunner) {
    const { id } = stored;
    const open = await occurrences.open(stored, { limit: shownOccurrences, within });
    return {
      ...stored,
      open,
      links: { self: `/v1/obligations/${id}`, deliveries: `/v1/obligations/${id}/deliveries` },
    };
  }

  return [
    {
      ...common,
      name: "obligations.create",
      method: "post",
      path: "/v1/obligations",
      summary: "Create an obligation",
      description:
        "Its occurrences of the next 400 days and every message about them are planned in the same commit. Stages whose time " +
        "has passed are not sent, but the newest of them goes out at once.",
      needs: "enqueue",
      headers: { ...tenantHeader, ...idempotent.header },
      body: obligationBody,
      answers: {
        201: {
          description: "Stored and planned.",
          schema: obligationView,
          headers: { Location: "Where it is.", ...idempotent.answerHeader },
        },
      },
      problems: ["invalid_input", "tenant_required", ...idempotent.problems],
      async handle(call) {
        const tenant = oneTenant(call.caller);
        readBody(z.unknown(), call.body);
        await idempotency.answer(call, async ({ in: sql }) => {
          const stored = (await obligations.create(tenant, obligations.read(call.body), null, sql))!;
          return { status: 201, location: `/v1/obligations/${stored.id}`, body: await view(stored, sql) };
        });
      },
    },
    {
      ...common,
      name: "obligations.list",
      method: "get",
      path: "/v1/obligations",
      summary: "List obligations",
      needs: "read",
      query: listQuery,
      answers: { 200: { description: "One page, the oldest first.", schema: obligationPage } },
      problems: ["invalid_input", "tenant_required"],
      async handle({ req, res, caller }) {
        const { cursor, limit, ...filter } = parseQuery(listQuery, req);
        const found = await obligations.list(oneTenant(caller), { ...filter, after: cursor, limit: limit + 1 });
        const items = found.slice(0, limit);
        res.json({ items, nextCursor: found.length > limit ? items.at(-1)!.id : null });
      },
    },
    {
      ...common,
      name: "obligations.get",
      method: "get",
      path: "/v1/obligations/{id}",
      summary: "Read an obligation",
      needs: "read",
      params: obligationParams,
      answers: { 200: { description: "The obligation and its open occurrences.", schema: obligationView } },
      async handle({ req, res, caller }) {
        const stored = await obligations.find(oneTenant(caller), obligationId(req));
        if (!stored) throw new ObligationNotFound();
        res.json(await view(stored));
      },
    },
    {
      ...common,
      name: "obligations.change",
      method: "patch",
      path: "/v1/obligations/{id}",
      summary: "Change an obligation",
      description:
        "The plan is rebuilt in the same commit. What was sent stays on record; what is planned follows the change. A new " +
        "owner is told once of what has come up before; an owner who was told of another day is told of the new one.",
      needs: "enqueue",
      params: obligationParams,
      body: obligationPatch,
      answers: { 200: { description: "As it is now.", schema: obligationView } },
      problems: ["invalid_input", "obligation_not_found", "tenant_required"],
      async handle({ req, res, caller, body }) {
        const tenant = oneTenant(caller);
        const id = obligationId(req);
        res.json(await view(await obligations.change(tenant, id, readBody(anyFields, body))));
      },
    },
    {
      ...common,
      name: "obligations.delete",
      method: "delete",
      path: "/v1/obligations/{id}",
      summary: "Delete an obligation",
      description:
        "Nothing more is sent about it, and its names and addresses are erased. Who was told what and when stays on record.",
      needs: "enqueue",
      params: obligationParams,
      answers: { 204: { description: "Deleted." } },
      async handle({ req, res, caller }) {
        await obligations.remove(oneTenant(caller), obligationId(req));
        res.status(204).end();
      },
    },
    {
      ...common,
      name: "obligations.deliveries",
      method: "get",
      path: "/v1/obligations/{id}/deliveries",
      summary: "Who was told what, and when",
      description:
        "Every message about it, sent or planned or not to be sent, in the order of time. Also of a deleted obligation.",
      needs: "read",
      params: obligationParams,
      query: deliveriesQuery,
      answers: { 200: { description: "One page.", schema: deliveryPage } },
      problems: ["invalid_input", "obligation_not_found", "tenant_required"],
      async handle({ req, res, caller }) {
        const { cursor, limit } = parseQuery(deliveriesQuery, req);
        const after = cursor === undefined ? undefined : readTimeCursor(cursor)!;
        const found = await deliveries.ofObligation(oneTenant(caller), obligationId(req), { after, limit: limit + 1 });
        if (!found) throw new ObligationNotFound();
        const items = found.slice(0, limit);
        res.json({ items, nextCursor: found.length > limit ? timeCursorOf(items.at(-1)!) : null });
      },
    },
  ];
}

/** Throws ObligationNotFound for an id that is none. */
export function obligationId(req: Request): string {
  const id = uuidParam(req, "id");
  if (id === null) throw new ObligationNotFound();
  return id;
}
