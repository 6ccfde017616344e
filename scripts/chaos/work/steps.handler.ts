import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import type { Handler } from "#core/handler.ts";
import type { ChaosResult, stepsPayload } from "./jobs.ts";
import { affect, beginRun, MeantToFail, resultOf } from "./world.ts";

export const handle: Handler<z.output<typeof stepsPayload>, ChaosResult> = async ({ runMs, failures }, ctx) => {
  const run = beginRun(ctx);
  const step = (name: string) =>
    ctx.step(name, async () => {
      await affect("plain", run, name);
      return run.run;
    });
  const first = await step("first");
  await delay(runMs);
  if (ctx.attempt <= failures) throw new MeantToFail();
  return { ...resultOf(run), steps: [first, await step("second")] };
};
