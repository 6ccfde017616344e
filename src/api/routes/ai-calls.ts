import { z } from "zod";
import { type CallBook, callStates, type RecordedCall } from "#core/ai-calls.ts";
import { oneTenant } from "../authenticate.ts";
import { type Operation, parseQuery } from "../operation.ts";

const micros = z.int().nonnegative();

const recordedCall = z
  .object({
    id: z.uuid().describe("What the provider was told as `X-Client-Request-Id`."),
    jobId: z.uuid(),
    step: z.string().describe("Which question of the job: `answer`, `repair`."),
    attempt: z.int().positive(),
    provider: z.string(),
    model: z.string().describe("The one that answered, else the one that was asked."),
    purpose: z.string(),
    state: z
      .enum(callStates)
      .describe("`failed`: not charged for. `unknown`: it may have been; `estimateMicros` counts as spent."),
    estimateMicros: micros.describe("The most it could cost: what was reserved."),
    costMicros: micros.nullable(),
    inputTokens: micros.nullable(),
    outputTokens: micros.nullable(),
    errorCode: z.string().nullable(),
    startedAt: z.iso.datetime(),
    durationMs: micros.nullable(),
  })
  .meta({ id: "AiCall" }) satisfies z.ZodType<RecordedCall>;

const page = z.object({ items: z.array(recordedCall), nextCursor: z.string().nullable() });

const query = z.strictObject({
  state: z
    .enum(callStates)
    .optional()
    .describe("Only calls in this state: `unknown` is what to compare with the invoice."),
  job: z.uuid().optional().describe("Only calls of this job."),
  cursor: z.uuid().optional().describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Calls per page."),
});

/** GET /v1/ai/calls: every call that was made, newest first, without what was asked and answered. 200 · 422. */
export function aiCallsRoute({ calls }: { calls: CallBook }): Operation {
  return {
    name: "ai.calls.list",
    tag: "AI",
    method: "get",
    path: "/v1/ai/calls",
    summary: "List calls to model providers",
    description:
      "Newest first, failed ones included. A call is on record before it is made; one whose worker died in the middle is " +
      "`unknown`. What was asked and answered is not told here.",
    needs: "read",
    query,
    answers: { 200: { description: "One page.", schema: page } },
    problems: ["invalid_input", "tenant_required"],
    async handle({ req, res, caller }) {
      const tenant = oneTenant(caller);
      const { state, job: jobId, cursor: before, limit } = parseQuery(query, req);
      const found = await calls.list({ tenant, state, jobId, before, limit: limit + 1 });
      const items = found.slice(0, limit);
      res.json({ items, nextCursor: found.length > limit ? items.at(-1)!.id : null });
    },
  };
}
