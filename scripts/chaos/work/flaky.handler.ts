import type { z } from "zod";
import { PermanentError } from "#core/errors.ts";
import type { Handler } from "#core/handler.ts";
import { CancelJob } from "#core/outcome.ts";
import type { ChaosResult, flakyPayload } from "./jobs.ts";
import { affect, beginRun, MeantToFail, resultOf } from "./world.ts";

class MeantToDie extends PermanentError {
  readonly code = "meant_to_die";
}

export const handle: Handler<z.output<typeof flakyPayload>, ChaosResult> = async ({ failures, ending }, ctx) => {
  const run = beginRun(ctx);
  if (ctx.attempt <= failures) throw new MeantToFail();
  if (ending === "die") throw new MeantToDie("Asked to die, for the chaos");
  if (ending === "cancel") throw new CancelJob("meant_to_cancel");
  await affect("keyed", run);
  return resultOf(run);
};
