import type { z } from "zod";
import type { Handler } from "#core/handler.ts";
import { type ChaosResult, chaosJobs, kindOf, type parentPayload } from "./jobs.ts";
import { affect, beginRun, MeantToFail, resultOf } from "./world.ts";

const childJobs = chaosJobs.filter(({ name }) => kindOf(name) === "effect-keyed");

export const handle: Handler<z.output<typeof parentPayload>, ChaosResult> = async ({ children, failures }, ctx) => {
  const run = beginRun(ctx);
  const made = Array.from({ length: children }, (_, index) =>
    ctx.enqueue(childJobs[index % childJobs.length]!, { runMs: 50 }),
  );
  if (ctx.attempt <= failures) throw new MeantToFail();
  await affect("keyed", run);
  return { ...resultOf(run), children: made };
};
