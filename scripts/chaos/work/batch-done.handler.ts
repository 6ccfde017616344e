import type { z } from "zod";
import type { Handler } from "#core/handler.ts";
import type { batchDonePayload, ChaosResult } from "./jobs.ts";
import { affect, beginRun, resultOf } from "./world.ts";

export const handle: Handler<z.output<typeof batchDonePayload>, ChaosResult> = async (_payload, ctx) => {
  const run = beginRun(ctx);
  await affect("keyed", run);
  return resultOf(run);
};
