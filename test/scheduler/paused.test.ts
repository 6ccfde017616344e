import assert from "node:assert/strict";
import { expect, test } from "vitest";
import { z } from "zod";
import { hours, minutes, seconds } from "../../src/core/duration.ts";
import { testJob } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { editor, lastHour, openStage, type Stage } from "./stage.ts";

/** Schedules that cannot fire, and are paused by the house. */

const job = testJob(async () => undefined);

/** A tick that has just come: within the minute in which nothing counts as missed. */
const justNow = () => Math.floor(Date.now() / 1_000) * 1_000 - seconds(2);

/** Waits until the house has paused it; with the incident that says so. */
const paused = async (stage: Stage, name: string) => {
  const row = await stage.rig.until(async () => {
    const found = await stage.registry.get(tenant, name);
    return found.pausedWhy !== null && found;
  });
  const [incident] = await stage.rig.runtime.incidents.list({ state: "open", limit: 10 });
  return { row, incident };
};

test("a job that is gone from the code pauses it, with an incident; others go on, and a release that has it again resumes", async () => {
  await using stage = await openStage([job]);
  for (const name of ["gone", "other"]) await stage.put(name);
  const set = (to: string) =>
    stage.rig.runtime.database.executeSql(`update ${stage.rig.schema}.schedules set job = $1 where name = 'gone'`, [
      to,
    ]);
  await set("tests.gone");
  await stage.setNext("gone", justNow());
  await stage.setNext("other", justNow());
  await stage.scheduler().start();
  assert.equal((await stage.jobs("other")).length, 1);
  assert.equal((await stage.registry.get(tenant, "gone")).pausedWhy, null, "another release may know it: a minute");

  await stage.setNext("gone", justNow() - minutes(1));
  const { row, incident } = await paused(stage, "gone");
  assert.deepEqual([row.pausedWhy, row.next], ["unknown_job", null]);
  expect(incident).toMatchObject({ kind: "schedule_paused", subject: `schedule/${tenant}/gone`, seen: 1 });
  await assert.rejects(stage.registry.resume(editor, tenant, "gone"), { code: "invalid_input" });

  await set(job.name);
  await stage.scheduler().start();
  const back = await stage.registry.get(tenant, "gone");
  assert.deepEqual([back.pausedWhy, back.next?.tick], [null, lastHour() + hours(1)]);
  assert.deepEqual(await stage.rig.runtime.incidents.list({ state: "open", limit: 10 }), []);
  assert.deepEqual(
    (await stage.audit("gone")).map(({ actor, action }) => [actor, action]),
    [
      ["tester", "schedule.create"],
      ["scheduler", "schedule.pause"],
      ["scheduler", "schedule.resume"],
    ],
  );
});

test("a payload that no longer fits pauses it, and no word of the payload is told", async () => {
  const strict = testJob(async () => undefined, { payload: z.strictObject({ size: z.number().optional() }) });
  await using stage = await openStage([strict]);
  await stage.put("unfit", { payload: {} });
  await stage.rig.runtime.database.executeSql(
    `update ${stage.rig.schema}.schedules set payload = '{"size": "Ada"}' where name = 'unfit'`,
  );
  await stage.setNext("unfit", justNow());
  await stage.scheduler().start();
  const { row, incident } = await paused(stage, "unfit");
  assert.equal(row.pausedWhy, "payload_refused");
  assert.deepEqual(incident!.details.problems, [{ path: "payload.size", code: "invalid_type" }]);
  assert.doesNotMatch(JSON.stringify([incident, stage.rig.lines, await stage.audit("unfit")]), /Ada/);
});

test("a rule that this release cannot read pauses it, and a rule that it can resumes it; others go on", async () => {
  await using stage = await openStage([job]);
  for (const name of ["odd", "other"]) await stage.put(name);
  await stage.rig.runtime.database.executeSql(`update ${stage.rig.schema}.schedules set rule = $1 where name = 'odd'`, [
    JSON.stringify({ rrule: "FREQ=SOMETIMES", startsAt: "2026-01-01T00:00:00Z", timeZone: "UTC", gap: "later" }),
  ]);
  await stage.setNext("odd", justNow());
  await stage.setNext("other", justNow());
  await stage.scheduler().start();
  assert.equal((await stage.jobs("other")).length, 1);
  const { row, incident } = await paused(stage, "odd");
  assert.deepEqual([row.pausedWhy, row.next], ["rule_refused", null]);
  assert.deepEqual(await stage.history("odd"), [], "its tick is not said to have happened");
  assert.deepEqual(incident!.details.problems, [{ path: "rrule", code: "rrule_invalid" }]);
  await stage.scheduler().start(); // a release that cannot read it either
  assert.equal((await stage.registry.get(tenant, "odd")).pausedWhy, "rule_refused");
  await assert.rejects(stage.registry.resume(editor, tenant, "odd"), { code: "rrule_invalid" });

  await stage.put("odd");
  const mended = await stage.registry.get(tenant, "odd");
  assert.deepEqual([mended.pausedWhy, mended.next?.tick], [null, lastHour() + hours(1)]);
  assert.deepEqual(await stage.rig.runtime.incidents.list({ state: "open", limit: 10 }), []);
});

test("a tick that Postgres refuses to write pauses its schedule alone, until somebody resumes it", async () => {
  await using stage = await openStage([job]);
  for (const name of ["before", "refused", "after"]) await stage.put(name);
  const { database } = stage.rig.runtime;
  const { id } = await stage.registry.get(tenant, "refused");
  const ticks = `${stage.rig.schema}.schedule_ticks`;
  await database.executeSql(`alter table ${ticks} add constraint not_this_one check (schedule_id <> ${id})`);
  for (const name of ["before", "refused", "after"]) await stage.setNext(name, justNow());
  await stage.scheduler().start();
  const { row, incident } = await paused(stage, "refused");
  await stage.rig.until(async () => (await stage.jobs("before")).length + (await stage.jobs("after")).length === 2);
  assert.deepEqual([row.pausedWhy, row.next], ["refused_by_store", null]);
  assert.deepEqual(await stage.jobs("refused"), [], "the job went with the tick");
  expect(incident).toMatchObject({ kind: "schedule_paused", subject: `schedule/${tenant}/refused` });
  assert.deepEqual(incident!.details.problems, [{ path: "", code: "23514" }], "the SQLSTATE");

  await database.executeSql(`alter table ${ticks} drop constraint not_this_one`);
  await stage.scheduler().start(); // that it starts again says nothing about Postgres
  assert.equal((await stage.registry.get(tenant, "refused")).pausedWhy, "refused_by_store");
  await stage.registry.resume(editor, tenant, "refused");
  assert.deepEqual(await stage.rig.runtime.incidents.list({ state: "open", limit: 10 }), []);
  await stage.setNext("refused", justNow());
  await stage.rig.until(async () => (await stage.jobs("refused")).length === 1);
  expect(await stage.history("refused")).toMatchObject([{ outcome: "enqueued" }]);
});

// Seen to fail (paused, and every full hour again) while the refused row was written back as it had been read.
test("what somebody changes while Postgres refuses a tick is not undone", async () => {
  await using stage = await openStage([job]);
  await stage.put("refused");
  const { database } = stage.rig.runtime;
  const { schema } = stage.rig;
  await database.executeSql(
    `create function ${schema}.refuse() returns trigger language plpgsql as $$ begin
       perform pg_advisory_xact_lock(hashtext('${schema}'));
       raise check_violation;
     end $$;
     create trigger refuse before insert on ${schema}.schedule_ticks for each row execute function ${schema}.refuse()`,
  );
  const holder = await database.pool.connect();
  await holder.query(`select pg_advisory_lock(hashtext('${schema}'))`);
  await stage.setNext("refused", justNow());
  const starting = stage.scheduler().start();
  const waiting = async (statement: string) =>
    (
      await database.executeSql("select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1", [
        `%${statement}%`,
      ])
    ).rows.length > 0;
  await stage.rig.until(() => waiting(`into ${schema}.schedule_ticks`));
  const changing = stage.put("refused", { everyMs: hours(2) });
  await stage.rig.until(() => waiting(`from ${schema}.schedules where tenant`));
  await holder.query(`select pg_advisory_unlock(hashtext('${schema}'))`);
  holder.release();
  await Promise.all([starting, changing]);
  const row = await stage.registry.get(tenant, "refused");
  assert.deepEqual([row.pausedWhy, row.rule.everyMs], [null, hours(2)]);
});
