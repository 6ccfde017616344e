import type { Idempotency, Reply } from "../idempotency.ts";
import { idempotent } from "../idempotency.ts";
import type { Operation } from "../operation.ts";
import { scheduleView } from "../schedule-shapes.ts";
import { receipt as receiptShape } from "../shapes.ts";
import { withLinks } from "./enqueue.ts";
import { editorOf, nameOf, path, type ScheduleDependencies, scheduleParams, tenantOf, toView } from "./schedules.ts";

interface Dependencies extends ScheduleDependencies {
  readonly idempotency: Idempotency;
}

/** POST /v1/schedules/{name}/pause, /resume and /run. */
export function scheduleSteeringRoutes({ scheduleRegistry, idempotency }: Dependencies): Operation[] {
  const steer = (verb: "pause" | "resume", description: string): Operation => ({
    name: `schedules.${verb}`,
    tag: "Schedules",
    method: "post",
    path: `${path}/${verb}`,
    summary: verb === "pause" ? "Pause a schedule" : "Resume a schedule",
    description,
    needs: "operate",
    params: scheduleParams,
    answers: { 200: { description: "The schedule as it is now.", schema: scheduleView } },
    problems: verb === "pause" ? ["schedule_not_found"] : ["schedule_not_found", "invalid_input"],
    async handle({ req, res, caller }) {
      res.json(toView(await scheduleRegistry[verb](editorOf(caller), tenantOf(caller), nameOf(req))));
    },
  });
  return [
    steer(
      "pause",
      "No tick comes while it is paused, and none counts as missed. It outlives releases. Safe to repeat.",
    ),
    steer(
      "resume",
      "Goes on with the first tick from now. Refused while its job is not in the catalog, or its payload does not fit. Safe " +
        "to repeat.",
    ),
    {
      name: "schedules.run",
      tag: "Schedules",
      method: "post",
      path: `${path}/run`,
      summary: "Run a schedule's job now",
      description:
        "Enqueues its job at once, paused or not. The next tick stays where it is. With an `Idempotency-Key`, a key of `*` has to " +
        "name a tenant.",
      needs: "operate",
      params: scheduleParams,
      headers: idempotent.header,
      answers: {
        202: {
          description: "Accepted and durable.",
          schema: receiptShape,
          headers: { Location: "Where the job can be read.", ...idempotent.answerHeader },
        },
        200: { description: "A job holds the job's deduplication key: this is its receipt.", schema: receiptShape },
      },
      problems: ["schedule_not_found", "invalid_input", "tenant_required", ...idempotent.problems],
      async handle(call) {
        const { caller, req } = call;
        await idempotency.answer(call, async (context): Promise<Reply> => {
          const receipt = await scheduleRegistry.run(editorOf(caller), tenantOf(caller), nameOf(req), context);
          const body = withLinks(receipt);
          return { status: receipt.duplicate ? 200 : 202, location: body.links.self, body };
        });
      },
    },
  ];
}
