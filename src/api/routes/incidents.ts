import { z } from "zod";
import type { Incident, Incidents } from "../../ledger/incidents.ts";
import { everyTenant } from "../authenticate.ts";
import { type Operation, parseQuery } from "../operation.ts";

const incidentView = z
  .object({
    id: z.string(),
    kind: z
      .string()
      .describe("What is wrong: permanent, to be matched on.")
      .meta({ examples: ["redis_lost"] }),
    subject: z
      .string()
      .describe("With what.")
      .meta({ examples: ["queue/documents"] }),
    details: z.record(z.string(), z.unknown()),
    seen: z.int().describe("How often it was seen since it opened."),
    openedAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime(),
    closedAt: z.iso.datetime().nullable().describe("`null` while it goes on."),
  })
  .meta({ id: "Incident" }) satisfies z.ZodType<Incident>;

const incidentPage = z.object({ items: z.array(incidentView), nextCursor: z.string().nullable() });

const query = z.strictObject({
  state: z.enum(["open", "closed"]).optional().describe("Only those that go on, or only those that are over."),
  kind: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,79}$/)
    .optional()
    .describe("Only of this kind."),
  cursor: z
    .string()
    .regex(/^\d{1,18}$/, "Expected the nextCursor of a page")
    .optional()
    .describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Incidents per page."),
});

/** GET /v1/incidents: what went wrong with the house, newest first. For operators of all tenants. 200 · 422. */
export function incidentsRoute({ incidents }: { incidents: Incidents }): Operation {
  return {
    name: "incidents.list",
    tag: "Health",
    method: "get",
    path: "/v1/incidents",
    summary: "List incidents",
    description: "What is wrong with the house, or was: newest first. The key must be one of `*`.",
    needs: "operate",
    query,
    answers: { 200: { description: "One page.", schema: incidentPage } },
    problems: ["invalid_input"],
    async handle({ req, res, caller }) {
      everyTenant(caller);
      const { cursor, limit, ...filter } = parseQuery(query, req);
      const found = await incidents.list({ ...filter, before: cursor, limit: limit + 1 });
      const items = found.slice(0, limit);
      res.json({ items, nextCursor: found.length > limit ? items.at(-1)!.id : null });
    },
  };
}
