import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import type { Handler } from "#core/handler.ts";
import type { ChaosResult, slowPayload } from "./jobs.ts";
import { affect, beginRun, resultOf } from "./world.ts";

const insert = `insert into chaos.commits (job_id, run, attempt, attempt_in_ledger)
  select $1, $2, $3, attempt from nightshift.jobs where id = $1`;

export const handle: Handler<z.output<typeof slowPayload>, ChaosResult> = async ({ runMs, deaf }, ctx) => {
  const run = beginRun(ctx);
  await delay(runMs, undefined, deaf ? {} : { signal: ctx.signal });
  await ctx.commit((sql) => sql.executeSql(insert, [run.jobId, run.run, run.attempt]));
  await affect("keyed", run);
  return resultOf(run);
};
