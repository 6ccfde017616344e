import assert from "node:assert/strict";
import { test } from "vitest";
import { tenant } from "../rig/rig.ts";
import { deliver, openStage, type Stage } from "./stage.ts";

const many = 10_000;
const dueOn = "2026-06-30";

/** One obligation as the planner plans it, and its rows again under other ids: planning 10,000 is not what this is about. */
async function owe({ rig, create }: Stage): Promise<void> {
  const { id } = await create({ offsets: [{ days: 0 }] });
  const { schema, runtime } = rig;
  for (const table of ["obligations", "occurrences", "deliveries"]) {
    const of = table === "obligations" ? "id" : "obligation_id";
    const own = table === "deliveries" ? ` || jsonb_build_object('id', gen_random_uuid())` : "";
    await runtime.database.executeSql(
      `insert into ${schema}.${table} select again.*
       from ${schema}.${table} t, generate_series(2, $3::int) n,
         jsonb_populate_record(t, to_jsonb(t) || jsonb_build_object('${of}', md5(n::text)::uuid)${own}) again
       where t.tenant = $1 and t.${of} = $2`,
      [tenant, id, many],
    );
    await runtime.database.executeSql(`analyze ${schema}.${table}`);
  }
}

test("10,000 occurrences on one day: each is previewed once, counted once, and given one job by however many sweeps", {
  timeout: 120_000,
}, async () => {
  await using stage = await openStage("2026-06-29T12:00:00Z");
  await owe(stage);
  const { rig } = stage;
  const { deliveries, compliance, outbox } = rig.runtime.reminders;
  const counted = await compliance.of(tenant, "acme-in");
  assert.deepEqual([counted.counts.due_soon, counted.total], [many, many]);

  const seen = new Set<string>();
  for (let after: readonly [Date, string] | undefined; ; ) {
    const page = await deliveries.ahead(tenant, { days: 1, after, limit: 1_000 }); // all of them at the same instant
    assert.ok(page.every((one) => one.stage === "0d" && one.dueOn === dueOn));
    for (const { id } of page) seen.add(id);
    const last = page.at(-1);
    if (!last) break;
    after = [last.fireAt, last.id];
  }
  assert.equal(seen.size, many);

  stage.at("2026-06-30T03:30:00Z"); // 09:00 in India
  const options = { signal: new AbortController().signal, repeatable: [] };
  const swept = await Promise.all([1, 2, 3].map(() => outbox.sweep(deliver, options)));
  const due = swept.reduce((sum, one) => sum + one.due, 0);
  const { rows } = await rig.runtime.database.executeSql(
    `select payload ->> 'deliveryId' as id from ${rig.schema}.jobs where tenant = $1 and job = $2`,
    [tenant, deliver.name],
  );
  assert.deepEqual([due, rows.length, new Set(rows.map(({ id }) => id))], [many, many, seen]);
  assert.equal((await outbox.sweep(deliver, options)).due, 0);
});
