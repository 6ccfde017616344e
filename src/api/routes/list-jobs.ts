import { z } from "zod";
import { InvalidInput } from "#core/errors.ts";
import type { JobReader } from "../../ledger/job-reader.ts";
import { jobStates } from "../../ledger/job-state.ts";
import { instant } from "../../producer/options.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { jobPage } from "../shapes.ts";

const query = z.strictObject({
  state: z.enum(jobStates).optional().describe("Only jobs in this state."),
  job: z.string().min(1).max(80).optional().describe("Only jobs of this name."),
  queue: z.string().min(1).max(80).optional().describe("Only jobs of this queue."),
  tag: z
    .string()
    .min(1)
    .max(80)
    .regex(/^[^\0]*$/)
    .optional()
    .describe("Only jobs that carry this tag."),
  batch: z.uuid().optional().describe("Only jobs of this batch."),
  since: instant.optional().describe("Only jobs accepted at this instant or later."),
  cursor: z.string().max(100).optional().describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Jobs per page."),
});

/**
 * GET /v1/jobs: the newest jobs first, page by page. Pages are keyed by the last id, so that jobs accepted meanwhile
 * neither repeat nor hide others. 200 · 422 a parameter was refused.
 */
export function listJobsRoute({ reader }: { reader: JobReader }): Operation {
  return {
    name: "jobs.list",
    tag: "Follow work",
    method: "get",
    path: "/v1/jobs",
    summary: "List jobs",
    description:
      'Newest first. Jobs of a queue with `durability: "redis"` are not in the ledger, and so not in the list, unless ' +
      "they were scheduled more than a minute ahead or died.",
    needs: "read",
    query,
    answers: { 200: { description: "One page.", schema: jobPage } },
    problems: ["invalid_input"],
    async handle({ req, res, caller }) {
      const { cursor, since, limit, ...filter } = parseQuery(query, req);
      const found = await reader.list({
        ...filter,
        tenant: caller.actsFor,
        since: since === undefined ? undefined : new Date(since),
        before: cursor === undefined ? undefined : readCursor(cursor),
        limit: limit + 1, // one more than shown tells whether there is a next page
      });
      const items = found.slice(0, limit);
      res.json({ items, nextCursor: found.length > limit ? writeCursor(items.at(-1)!.id) : null });
    },
  };
}

/** A cursor is the last id of its page: 16 bytes in base64url. */
function writeCursor(id: string): string {
  return Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
}

function readCursor(cursor: string): string {
  const bytes = Buffer.from(cursor, "base64url");
  if (bytes.length !== 16 || bytes.toString("base64url") !== cursor)
    throw new InvalidInput("The query was refused", [
      { path: "cursor", message: "Expected the nextCursor of a page, found something else", code: "invalid_cursor" },
    ]);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
