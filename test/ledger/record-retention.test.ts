import assert from "node:assert/strict";
import { v7 } from "uuid";
import { test } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { days } from "../../src/core/duration.ts";
import { RecordRetention, recordsKept } from "../../src/ledger/record-retention.ts";
import { openStage, type Stage } from "../reminders/stage.ts";
import { testJob } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";

const never = new AbortController().signal;
const count = async ({ rig }: Pick<Stage, "rig">, table: string): Promise<number> =>
  (await rig.runtime.database.executeSql(`select count(*)::int as n from ${rig.schema}.${table}`)).rows[0]!.n;
const later = (instant: string, ms: number) => new Date(Date.parse(instant) + ms).toISOString();

const dueOn = "2026-06-30";
/** The last instant at which a record of `keptMs` is kept: the day after its due date begins, and so much later. */
const lastDay = (keptMs: number) => later(`${dueOn}T00:00:00Z`, keptMs);

test("a completed occurrence is kept as evidence for eleven years, with who was told; then both go", async () => {
  await using stage = await openStage("2026-06-01T00:00:00Z");
  const { services, reminders } = stage.rig.runtime;
  const { id } = await stage.create();
  await reminders.occurrences.complete(tenant, id, { evidence: "ARN 1", by: "key" });
  const told = await count(stage, "deliveries");
  assert.ok(told > 3);
  stage.at(lastDay(recordsKept.completedMs));
  assert.equal((await services.retention.prune(never)).occurrences, 0);
  assert.deepEqual([await count(stage, "occurrences"), await count(stage, "deliveries")], [1, told]);
  stage.at(later(lastDay(recordsKept.completedMs), days(1)));
  assert.equal((await services.retention.prune(never)).occurrences, 1);
  assert.deepEqual([await count(stage, "occurrences"), await count(stage, "deliveries")], [0, 0]);
  assert.equal(await count(stage, "obligations"), 1, "nobody has deleted it");
});

test("one that was completed late is kept from then on, and one that is open for ever", async () => {
  await using stage = await openStage("2026-06-01T00:00:00Z");
  const { services, reminders } = stage.rig.runtime;
  const late = await stage.create();
  await stage.create({ title: "never done" });
  stage.at("2027-06-30T00:00:00Z");
  await reminders.occurrences.complete(tenant, late.id, { evidence: "ARN 2", by: "key" });
  stage.at(later(lastDay(recordsKept.completedMs), days(2)));
  assert.equal((await services.retention.prune(never)).occurrences, 0, "eleven years after the due date");
  stage.at(later("2027-06-30T00:00:01Z", recordsKept.completedMs));
  assert.equal((await services.retention.prune(never)).occurrences, 1);
  const { rows } = await stage.rig.runtime.database.executeSql(`select state from ${stage.rig.schema}.occurrences`);
  assert.deepEqual(rows, [{ state: "open" }]);
});

test("a deleted obligation's withdrawn occurrences go after two years, and then it goes; evidence of it does not", async () => {
  await using stage = await openStage("2026-06-01T00:00:00Z");
  const { services, reminders } = stage.rig.runtime;
  const done = await stage.create({ title: "done" });
  await reminders.occurrences.complete(tenant, done.id, { evidence: "ARN 3", by: "key" });
  for (const { id } of [done, await stage.create()]) await reminders.obligations.remove(tenant, id);
  stage.at(lastDay(recordsKept.withdrawnMs));
  assert.equal((await services.retention.prune(never)).occurrences, 0);
  assert.equal(await count(stage, "obligations"), 2);
  stage.at(later(lastDay(recordsKept.withdrawnMs), days(1)));
  assert.equal((await services.retention.prune(never)).occurrences, 1);
  const { rows } = await stage.rig.runtime.database.executeSql(`select id from ${stage.rig.schema}.obligations`);
  assert.deepEqual(rows, [{ id: done.id }], "its evidence is kept, and so is what it was about");
});

test("a meeting that has passed goes after two years, and is not planned again", async () => {
  await using stage = await openStage("2026-06-01T00:00:00Z");
  const { services, reminders, catalog } = stage.rig.runtime;
  const { id } = await stage.create({ overdue: null });
  const sweep = () => reminders.outbox.sweep(catalog.get("reminders.deliver"), { signal: never, repeatable: [] });
  stage.at(lastDay(recordsKept.passedMs));
  await sweep();
  assert.equal((await services.retention.prune(never)).occurrences, 0);
  stage.at(later(lastDay(recordsKept.passedMs), days(40)));
  assert.equal((await services.retention.prune(never)).occurrences, 1);
  assert.equal((await sweep()).replanned, 1);
  assert.equal(await count(stage, "occurrences"), 0);
  assert.notEqual(await reminders.obligations.find(tenant, id), null);
});

// Seen to fail without the planner's look at how long records are kept: it is open again, and eleven years overdue.
test("a duty of one day that was done is not planned again when its record has ended", async () => {
  await using stage = await openStage("2026-06-01T00:00:00Z");
  const { services, reminders, catalog } = stage.rig.runtime;
  const { id } = await stage.create();
  await reminders.occurrences.complete(tenant, id, { evidence: "ARN 4", by: "key" });
  stage.at(later(lastDay(recordsKept.completedMs), days(40)));
  assert.equal((await services.retention.prune(never)).occurrences, 1);
  const swept = await reminders.outbox.sweep(catalog.get("reminders.deliver"), { signal: never, repeatable: [] });
  assert.equal(swept.replanned, 1);
  assert.equal(await count(stage, "occurrences"), 0);
});

test("more than a batch goes in one run; a drain stops it between two batches, and the next run goes on", async () => {
  await using stage = await openStage("2026-06-01T00:00:00Z");
  const { database, services, reminders } = stage.rig.runtime;
  const { id } = await stage.create();
  await database.executeSql(
    `insert into ${stage.rig.schema}.occurrences (tenant, obligation_id, occurs_on, due_on, company, time_zone, state)
     select $1, $2, date '2000-01-01' + n, date '2000-01-01' + n, 'acme-in', 'Asia/Kolkata', 'withdrawn' from generate_series(1, 450) n`,
    [tenant, id],
  );
  await assert.rejects(services.retention.prune(AbortSignal.abort(new Error("draining"))), /draining/);
  assert.equal(await count(stage, "occurrences"), 451);
  assert.equal((await services.retention.prune(never)).occurrences, 450);
  assert.equal(
    (await reminders.occurrences.open((await reminders.obligations.find(tenant, id))!, { limit: 9 })).length,
    1,
  );
});

test("the book of AI calls and what was spent are kept for 25 months, of every tenant", async () => {
  await using rig = await startRig({ jobs: [testJob(async () => undefined)] });
  const { database } = rig.runtime;
  const at = "2026-11-20T10:00:00Z";
  const retention = new RecordRetention({ database, clock: new ManualClock(at) });
  const cut = later(at, -recordsKept.aiSpendingMs);
  for (const started of [later(cut, -1), later(cut, 1)])
    await database.executeSql(
      `insert into ${rig.schema}.ai_calls (id, tenant, job_id, step, attempt, purpose, provider, model, state, estimate_micros,
         price_from, charges, started_at)
       values ($1, 'globex', $2, 'answer', 1, 'general', 'openai', 'm', 'answered', 1, '2020-01-01', '[]', $3)`,
      [v7(), v7(), started],
    );
  for (const startsOn of [later(cut, -days(1)).slice(0, 10), cut.slice(0, 10)])
    await database.executeSql(
      `insert into ${rig.schema}.ai_spend (tenant, scope, subject, period, starts_on) values ($1, 'tenant', '', 'day', $2)`,
      [tenant, startsOn],
    );
  assert.deepEqual(await retention.prune(never), { occurrences: 0, aiCalls: 1 });
  const { rows } = await database.executeSql(`select started_at from ${rig.schema}.ai_calls`);
  assert.deepEqual(rows, [{ started_at: new Date(later(cut, 1)) }]);
  const { rows: spent } = await database.executeSql(`select starts_on::text from ${rig.schema}.ai_spend`);
  assert.deepEqual(spent, [{ starts_on: cut.slice(0, 10) }]);
});
