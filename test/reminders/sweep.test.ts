import assert from "node:assert/strict";
import { test } from "vitest";
import { readObligation } from "../../src/reminders/obligation.ts";
import { tenant } from "../rig/rig.ts";
import { deliver, openStage, type Stage, sample } from "./stage.ts";

/** Few for CI; `REMINDERS_SWEEP=10000x10000` (due messages x obligations) is the run whose figures docs/reminders.md has. */
const [due = 0, obligations = 0] = (process.env.REMINDERS_SWEEP ?? "600x1000").split("x").map(Number);

const perStatement = 25_000;

/** Rows as the planner writes them: an occurrence with four messages each, the first of some due now. */
async function seed({ rig, clock }: Stage): Promise<void> {
  const { database, reminders } = rig.runtime;
  const body = JSON.stringify(readObligation(sample, reminders.holidays, { now: clock.now(), rule: true }));
  const now = new Date(clock.now());
  for (let from = 1; from <= obligations; from += perStatement) {
    const range = [from, Math.min(obligations, from + perStatement - 1)];
    await database.executeSql(
      `insert into ${rig.schema}.obligations
         (tenant, id, company, kind, time_zone, body, holidays_version, planned_through, replan_at, created_at, updated_at)
       select $1, md5(n::text)::uuid, 'company-' || n % 50, 'test', 'UTC', $2, '', '2027-12-31', '2027-01-01', $3, $3
       from generate_series($4::int, $5::int) n`,
      [tenant, body, now, ...range],
    );
    await database.executeSql(
      `insert into ${rig.schema}.occurrences (tenant, obligation_id, occurs_on, due_on, company, time_zone)
       select $1, md5(n::text)::uuid, '2026-06-30', '2026-06-30', 'company-' || n % 50, 'UTC' from generate_series($2::int, $3::int) n`,
      [tenant, ...range],
    );
    await database.executeSql(
      `insert into ${rig.schema}.deliveries
         (id, tenant, obligation_id, occurs_on, due_on, stage, role, recipient, channel, fire_at, sweep_at, state)
       select gen_random_uuid(), $1, md5(n::text)::uuid, '2026-06-30', '2026-06-30', s || 'd', 'owner', 'asha', 'email', at, at, 'planned'
       from generate_series($4::int, $5::int) n, generate_series(0, 3) s,
         lateral (select case when s = 0 and n <= $2 then $3::timestamptz - n * interval '1 second'
                  else $3::timestamptz + s * interval '1 day' + interval '1 hour' end) as t (at)`,
      [tenant, due, now, ...range],
    );
  }
  for (const table of ["obligations", "occurrences", "deliveries"])
    await database.executeSql(`analyze ${rig.schema}.${table}`);
}

test(`${due} due messages among ${obligations} obligations are swept and queued: each once`, {
  timeout: 900_000,
}, async () => {
  await using stage = await openStage("2026-06-29T12:00:00Z", { relay: true });
  await seed(stage);
  const { rig } = stage;
  const { outbox } = rig.runtime.reminders;
  const options = { signal: new AbortController().signal, repeatable: [] };
  const swept = await timed(() => outbox.sweep(deliver, options));
  assert.deepEqual(swept.value, { due, lost: 0, replanned: 0 });
  const queued = await timed(() =>
    rig.until(async () => {
      const { rows } = await rig.runtime.database.executeSql(
        `select count(*)::int as count, count(distinct payload ->> 'deliveryId')::int as messages from ${rig.schema}.jobs where state = 'queued'`,
      );
      return rows[0]!.count >= due && rows[0];
    }, 300_000),
  );
  assert.deepEqual(queued.value, { count: due, messages: due });
  const again = await timed(() => outbox.sweep(deliver, options));
  assert.deepEqual(again.value, { due: 0, lost: 0, replanned: 0 });
  process.stdout.write(
    `${due} due of ${obligations * 4} messages, ${obligations} obligations: sweep ${swept.ms} ms, in Redis after ${swept.ms + queued.ms} ms, a sweep with nothing due ${again.ms} ms\n`,
  );
});

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const began = performance.now();
  const value = await work();
  return { value, ms: Math.round(performance.now() - began) };
}
