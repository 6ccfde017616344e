import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import type { Handler } from "#core/handler.ts";
import type { ChaosResult, effectPayload } from "./jobs.ts";
import { affect, beginRun, resultOf } from "./world.ts";

export const handle: Handler<z.output<typeof effectPayload>, ChaosResult> = async ({ runMs }, ctx) => {
  const run = beginRun(ctx);
  await affect("plain", run);
  await delay(runMs);
  return resultOf(run);
};
