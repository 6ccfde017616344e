import assert from "node:assert/strict";
import { describe, expect, test } from "vitest";
import { catalog } from "../../src/catalog.ts";
import { Catalog } from "../../src/core/catalog.ts";
import { hours, minutes } from "../../src/core/duration.ts";
import { defineSchedule, type ScheduleDefinition } from "../../src/core/schedule.ts";
import { houseTenant } from "../../src/scheduler/declared.ts";
import { ruleProblems } from "../../src/scheduler/rule-problems.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { editor, openStage, type Stage } from "./stage.ts";

const queue = testQueue();
const job = testJob(async () => undefined, { queue });
const declare = (body: Partial<Parameters<typeof defineSchedule>[0]> = {}) =>
  defineSchedule({ name: "house.hourly", job, payload: {}, everyMs: hours(1), ...body });

/** A scheduler of a release that declares these starts, and stops. */
async function release(stage: Stage, schedules: readonly ScheduleDefinition[], timeZone = "UTC"): Promise<void> {
  const released = new Catalog([job], [queue], schedules);
  const scheduler = new Scheduler({ ...stage.rig.runtime, catalog: released, timeZone });
  await scheduler.start();
  await scheduler.stop(5_000);
}

const get = (stage: Stage, name = "house.hourly") => stage.registry.get(houseTenant, name);
const actions = async (stage: Stage) =>
  (await stage.audit("house.hourly")).map(({ actor, action }) => `${actor} ${action}`);

/*
 * Seen to fail with the check of `edited` taken out (the operator's interval is overwritten), and without the lock of the
 * reconciliation (one of three schedulers that start at once fails on the row of another).
 */

test("what the code declares is added, changed and removed at the start of a scheduler, and each is in the audit", async () => {
  await using stage = await openStage([job]);
  await release(stage, [declare()]);
  const added = await get(stage);
  assert.deepEqual([added.tenant, added.origin, added.edited, added.rule.everyMs], ["*", "code", false, hours(1)]);
  await release(stage, [declare()]);
  assert.deepEqual(await get(stage), added, "nothing to do, nothing done");

  await release(stage, [declare({ everyMs: minutes(5) })]);
  assert.equal((await get(stage)).rule.everyMs, minutes(5));
  await release(stage, []);
  await assert.rejects(get(stage), { code: "schedule_not_found" });
  assert.deepEqual(await actions(stage), ["code schedule.add", "code schedule.change", "code schedule.remove"]);
  assert.equal(stage.rig.lines.filter(({ event }) => event === "schedule.reconciled").length, 3);
});

test("schedulers that start at once add a schedule once", async () => {
  await using stage = await openStage([job]);
  await Promise.all([release(stage, [declare()]), release(stage, [declare()]), release(stage, [declare()])]);
  assert.deepEqual(await actions(stage), ["code schedule.add"]);
});

test("a declared schedule hangs in the installation's zone, unless it names one", async () => {
  await using stage = await openStage([job]);
  const { everyMs: _, ...daily } = { ...declare().rule, cron: "0 9 * * *" };
  const nine = (name: string, timeZone?: string) =>
    defineSchedule({ name, job, payload: {}, ...daily, ...(timeZone && { timeZone }) });
  await release(stage, [nine("house.here"), nine("house.there", "Asia/Kolkata")], "Europe/Berlin");
  assert.equal((await get(stage, "house.here")).rule.timeZone, "Europe/Berlin");
  assert.equal((await get(stage, "house.there")).rule.timeZone, "Asia/Kolkata");
});

describe("a declared schedule that an operator edited", () => {
  const edit = (stage: Stage, everyMs: number) =>
    stage.registry.put(editor, houseTenant, "house.hourly", { job: job.name, payload: {}, everyMs });

  test("is marked, and left alone by later starts, which say that the code differs", async () => {
    await using stage = await openStage([job]);
    await release(stage, [declare()]);
    await edit(stage, minutes(10));
    expect(await get(stage)).toMatchObject({ origin: "code", edited: true, declared: { rule: { everyMs: hours(1) } } });

    await release(stage, [declare({ everyMs: minutes(5) })]);
    await release(stage, [declare({ everyMs: minutes(5) })]);
    expect(await get(stage)).toMatchObject({
      rule: { everyMs: minutes(10) },
      declared: { rule: { everyMs: minutes(5) } },
    });
    const differs = stage.rig.lines.filter(({ event }) => event === "schedule.declared_differs");
    assert.deepEqual(
      differs.map(({ fields }) => fields.fields),
      [["rule"], ["rule"]],
    );
    assert.deepEqual(await actions(stage), ["code schedule.add", "tester schedule.change", "code schedule.differs"]);
  });

  test("is the code's again when both say the same", async () => {
    await using stage = await openStage([job]);
    await release(stage, [declare()]);
    await edit(stage, minutes(10));
    await edit(stage, hours(1));
    expect(await get(stage)).toMatchObject({ edited: false, declared: null });
    await edit(stage, minutes(5));
    await release(stage, [declare({ everyMs: minutes(5) })]);
    expect(await get(stage)).toMatchObject({ edited: false, declared: null });
  });

  test("outlives its declaration, as the operator's own", async () => {
    await using stage = await openStage([job]);
    await release(stage, [declare()]);
    await edit(stage, minutes(10));
    await release(stage, []);
    expect(await get(stage)).toMatchObject({ origin: "api", edited: false, rule: { everyMs: minutes(10) } });
  });

  test("stays paused over releases, and cannot be deleted while the code declares it", async () => {
    await using stage = await openStage([job]);
    await release(stage, [declare()]);
    await stage.registry.pause(editor, houseTenant, "house.hourly");
    await release(stage, [declare({ everyMs: minutes(5) })]);
    expect(await get(stage)).toMatchObject({ pausedWhy: "operator", next: null, rule: { everyMs: minutes(5) } });
    await assert.rejects(stage.registry.remove(editor, houseTenant, "house.hourly"), { code: "schedule_declared" });
  });
});

test("a declaration whose rule cannot work is refused and told; the others are reconciled", async () => {
  await using stage = await openStage([job]);
  await release(stage, [declare({ timeZone: "Europe/Berlinn" }), declare({ name: "house.good" })]);
  await assert.rejects(get(stage), { code: "schedule_not_found" });
  await get(stage, "house.good");
  const line = stage.rig.lines.find(({ event }) => event === "schedule.declaration_refused");
  assert.equal(line?.level, "error");
});

test.for(catalog.schedules)("$name of the catalog can work, and stands where its name says", async ({ name, rule }) => {
  assert.deepEqual(ruleProblems({ timeZone: "Europe/Berlin", ...rule }, Date.now()), []);
  assert.match(name, /^[a-z]+\./);
});

test("a declaration that cannot work at all does not get that far", () => {
  assert.throws(() => declare({ name: "No Name" }), RangeError);
  assert.throws(() => declare({ cron: "0 9 * * *" }), /exactly one of cron, rrule and everyMs/);
  assert.throws(() => declare({ payload: "text" as never }), /payload|record|object/i);
  assert.throws(() => new Catalog([job], [queue], [declare(), declare()]), /declared more than once/);
  const other = testJob(async () => undefined, { name: "tests.other", queue });
  assert.throws(() => new Catalog([other], [queue], [declare()]), /not in the catalog/);
});
