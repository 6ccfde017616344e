import { z } from "zod";
import type { Log } from "#core/handler.ts";
import type { Reports } from "#core/services.ts";
import { isDate } from "../../reminders/date.ts";
import type { OccurrenceView } from "../../reminders/occurrences.ts";
import type { Reminders } from "../../reminders/reminders.ts";
import { type Caller, oneTenant } from "../authenticate.ts";
import { occurrenceView } from "../obligation-shapes.ts";
import type { Operation } from "../operation.ts";
import { readBody } from "../read-body.ts";
import { obligationId, obligationParams } from "./obligations.ts";

const day = z.string().refine(isDate, {
  error: "Expected a day that exists, as 2026-11-20, found none",
  params: { code: "date_impossible" },
});
const occurrence = day
  .optional()
  .describe(
    "`occursOn` of the occurrence it is about. Default: the earliest open one; name it, and the call is safe to repeat.",
  )
  .meta({ format: "date" });

const completion = z.strictObject({
  occurrence,
  evidence: z
    .string()
    .trim()
    .min(1)
    .max(500)
    .regex(/^\P{Cc}*$/u, "Expected no control characters")
    .describe("What shows that it was done: an acknowledgement number, a document's id, a link.")
    .meta({ examples: ["ARN AA070726123456X"] }),
});
const acknowledgement = z.strictObject({ occurrence });
const snooze = z.strictObject({
  occurrence,
  until: day.describe("After today, and no later than the due date.").meta({ format: "date" }),
});

interface Deps {
  readonly reminders: Reminders;
  readonly reports: { readonly service: Pick<Reports, "invalidate"> };
  readonly log: Log;
}

/** POST /v1/obligations/{id}/complete, /acknowledge and /snooze: what people say about one occurrence. */
export function obligationActionRoutes({ reminders: { occurrences }, reports, log }: Deps): Operation[] {
  function action<Body extends z.ZodType>(
    verb: string,
    words: Pick<Operation, "summary" | "description">,
    body: Body,
    act: (tenant: string, id: string, said: z.output<Body>, caller: Caller) => Promise<OccurrenceView>,
  ): Operation {
    return {
      ...words,
      name: `obligations.${verb}`,
      tag: "Obligations",
      method: "post",
      path: `/v1/obligations/{id}/${verb}`,
      needs: "enqueue",
      params: obligationParams,
      body,
      answers: { 200: { description: "The occurrence as it is now.", schema: occurrenceView } },
      problems: [
        "invalid_input",
        "obligation_not_found",
        "occurrence_not_found",
        "occurrence_completed",
        "tenant_required",
      ],
      async handle({ req, res, caller, body: given }) {
        const tenant = oneTenant(caller);
        const id = obligationId(req);
        res.json(await act(tenant, id, readBody(body, given), caller));
      },
    };
  }

  return [
    action(
      "complete",
      {
        summary: "Complete an occurrence",
        description:
          "Nothing more is said about it; a page is resolved. With the same occurrence and evidence it is safe to repeat.",
      },
      completion,
      async (tenant, id, said, caller) => {
        const done = await occurrences.complete(tenant, id, { ...said, by: caller.keyId });
        // It is done whatever becomes of this: a report that does not hear of it is stale soon all the same.
        await reports.service.invalidate(tenant, ["obligations"]).catch((error: Error) => {
          log.warn({ error: error.name }, "report.not_invalidated");
        });
        return done;
      },
    ),
    action(
      "acknowledge",
      {
        summary: "Acknowledge an occurrence",
        description:
          "From now on nobody is told that it is overdue. Reminders up to the due date go on. Safe to repeat.",
      },
      acknowledgement,
      (tenant, id, said) => occurrences.acknowledge(tenant, id, said),
    ),
    action(
      "snooze",
      {
        summary: "Snooze an occurrence",
        description: "No reminder before the day, and one on it. Not past the due date. Safe to repeat.",
      },
      snooze,
      (tenant, id, said) => occurrences.snooze(tenant, id, said),
    ),
  ];
}
