import assert from "node:assert/strict";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { startRig, tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

const respond = catalog.get("ai.respond");

test("what was said is forgotten after its time; what it cost is not", async () => {
  await using provider = new FakeProvider();
  await provider.start();
  await using rig = await startRig({ jobs: [respond], ai: settings([mounted(provider, "ok")]) });
  await rig.work();
  const { database, services } = rig.runtime;
  const ask = async (message: string) => {
    const { id } = await rig.runtime.producer.enqueue(tenant, respond, { message, sessionId: "s", stream: true });
    await rig.settled(id);
  };
  const count = async (table: string) =>
    (await database.executeSql(`select count(*)::int as n from ${rig.schema}.${table}`)).rows[0]!.n;
  await ask("What is due?");
  for (const [table, column, age] of [
    ["ai_answers", "created_at", "31 days"],
    ["ai_messages", "created_at", "31 days"],
    ["ai_cache", "expires_at", "1 second"],
  ])
    await database.executeSql(`update ${rig.schema}.${table} set ${column} = now() - interval '${age}'`);
  await ask("And what else?");
  await services.retention.prune(new AbortController().signal);
  assert.deepEqual([await count("ai_answers"), await count("ai_messages"), await count("ai_cache")], [1, 2, 1]);
  assert.equal((await services.ai.calls.list({ tenant, limit: 10 })).length, 2);
});
