import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { inject, test } from "vitest";
import { fixed } from "../../src/core/retry.ts";
import { testJob } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

/** What docs/operations.md tells an operator to run. */
function statementOf(page: string, schema: string): string {
  const [, sql] = /```sql\n(update nightshift\.jobs [^`]*)```/.exec(readFileSync(page, "utf8")) ?? [];
  assert.ok(sql, `a statement in ${page}`);
  return sql.replace("nightshift.jobs", `${schema}.jobs`);
}

test("Redis came back empty: one statement puts back what waited there, and it runs", async () => {
  const mood = { fails: true };
  const waits = testJob(async () => "done");
  const retries = testJob(
    async () => {
      if (mood.fails) throw new Error("not yet");
      return "done";
    },
    { name: "tests.retry", queue: waits.queue, retry: fixed({ attempts: 3, delayMs: 600_000 }) },
  );
  await using rig = await startRig({ jobs: [waits, retries], relay: true });
  const { producer, reader, database } = rig.runtime;
  const inState = (id: string, state: string) =>
    rig.until(async () => (await reader.find(null, id))?.state === state && id);
  const host = await rig.work();
  const retrying = await inState((await producer.enqueue(tenant, retries, {})).id, "retrying");
  await host.stop(1_000);
  const waiting = await inState((await producer.enqueue(tenant, waits, {})).id, "queued");

  const redis = new Redis(inject("redisUrl"));
  await redis.unlink(...(await redis.keys(`{${rig.prefix}:*`)));
  redis.disconnect();
  mood.fails = false;
  const statement = statementOf("docs/operations.md", rig.schema);
  await database.executeSql(statement);
  await inState(waiting, "queued");
  await database.executeSql(statement); // safe to repeat: by now the engine has it
  await rig.work();
  for (const id of [waiting, retrying]) assert.equal((await rig.settled(id)).state, "completed");
});
