import assert from "node:assert/strict";
import { describe, expect, test } from "vitest";
import { hours, minutes, seconds } from "../../src/core/duration.ts";
import { gate, testJob } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { lastHour, openStage, type Stage } from "./stage.ts";

const job = testJob(async () => undefined);

/** Outcomes in the order of their ticks. */
const outcomes = async (stage: Stage, name: string) =>
  (await stage.history(name)).map(({ outcome }) => outcome).reverse();

/** A tick that has just come: within the minute in which nothing counts as missed. */
const justNow = () => Math.floor(Date.now() / 1_000) * 1_000 - seconds(2);

/*
 * Seen to fail: without the lock of due rows and without the uniqueness of recorded ticks, "any number of schedulers"; without
 * the latter alone, "a tick that has happened"; without `afterCommit`, "dispatched at once"; without the listener, "wakes"
 * (30 s); without `follow`, "queue".
 */

describe("firing", () => {
  test("any number of schedulers make one job of each tick", async () => {
    await using stage = await openStage([job]);
    const names = Array.from({ length: 30 }, (_, index) => `many-${index}`);
    for (const name of names) await stage.put(name, { everyMs: seconds(1) });
    const all = [stage.scheduler(), stage.scheduler(), stage.scheduler()];
    await Promise.all(all.map((one) => one.start()));
    await stage.rig.until(async () => {
      const counts = await Promise.all(names.map(async (name) => (await stage.jobs(name)).length));
      return Math.min(...counts) >= 3;
    });
    await Promise.all(all.map((one) => one.stop(5_000)));
    for (const name of names) {
      const history = await stage.history(name);
      assert.deepEqual((await stage.jobs(name)).toSorted(), history.map(({ jobId }) => jobId).toSorted());
      const ticks = history.map(({ tick }) => Date.parse(tick)).toSorted();
      const expected = ticks.map((_, index) => ticks[0]! + index * seconds(1));
      assert.deepEqual(ticks, expected, "each second once, none left out");
    }
  });

  test("a due tick becomes a job of the tenant, dispatched at once, and the next tick is planned", async () => {
    await using stage = await openStage([job]); // no relay runs: what arrives came by the fast path
    await stage.put("hourly", { payload: { of: "hourly" } });
    const at = justNow();
    await stage.setNext("hourly", at);
    await stage.scheduler().start();
    await stage.rig.work();
    const [id] = await stage.jobs("hourly");
    const view = await stage.rig.settled(id!);
    assert.deepEqual(
      [view.state, view.tenant, view.correlationId, view.tags],
      ["completed", tenant, `hourly@${new Date(at).toISOString()}`, ["schedule/hourly"]],
    );
    const row = await stage.registry.get(tenant, "hourly");
    assert.deepEqual([row.next?.tick, row.lastTick, row.lastJobId, row.fired], [lastHour() + hours(1), at, id, 1]);
  });

  test("a scheduler that sleeps wakes when a schedule is made or changed", async () => {
    await using stage = await openStage([job]);
    await stage.scheduler().start(); // nothing is planned: it would look again in 30 s
    await stage.put("new", { everyMs: seconds(1) });
    const since = performance.now();
    await stage.rig.until(async () => (await stage.jobs("new")).length > 0);
    assert.ok(performance.now() - since < seconds(15), "not by the look of every 30 s");
  });

  test("a crash between claim and commit leaves the tick to another scheduler: it happens once", async () => {
    await using stage = await openStage([job]);
    await stage.put("held");
    await stage.setNext("held", justNow());
    const { database } = stage.rig.runtime;
    const dying = await database.pool.connect();
    dying.on("error", () => undefined);
    await dying.query("begin");
    await dying.query(`select from ${stage.rig.schema}.schedules where name = 'held' for update`);
    await stage.scheduler().start();
    assert.deepEqual(await stage.jobs("held"), [], "somebody holds it");
    const { rows } = await dying.query("select pg_backend_pid() as pid");
    await database.executeSql("select pg_terminate_backend($1)", [rows[0].pid]);
    dying.release(true);
    await stage.rig.until(async () => (await stage.jobs("held")).length === 1);
    assert.deepEqual(await outcomes(stage, "held"), ["enqueued"]);
  });

  test("a tick that has happened does not happen again, even when a row says that it is due", async () => {
    await using stage = await openStage([job]);
    await stage.put("again");
    const at = justNow();
    await stage.setNext("again", at);
    await stage.scheduler().start();
    assert.equal((await stage.jobs("again")).length, 1);
    await stage.setNext("again", at);
    await stage.rig.until(async () => (await stage.registry.get(tenant, "again")).next!.tick > Date.now());
    assert.equal((await stage.jobs("again")).length, 1);
  });

  test("a database that is away is waited out; stopping is safe at any time, and before starting", async () => {
    await using stage = await openStage([job]);
    const never = stage.scheduler();
    await never.stop(0);
    await stage.put("away");
    const { database } = stage.rig.runtime;
    await database.executeSql(`alter table ${stage.rig.schema}.schedules rename to hidden`);
    const scheduler = stage.scheduler();
    await scheduler.start();
    await stage.rig.until(() => stage.rig.lines.some(({ event }) => event === "scheduler.look_failed"));
    await database.executeSql(`alter table ${stage.rig.schema}.hidden rename to schedules`);
    await stage.setNext("away", justNow());
    await stage.rig.until(async () => (await stage.jobs("away")).length === 1);
    await Promise.all([scheduler.stop(1_000), scheduler.stop(1_000)]);
  });

  test("jobs are spread after their tick, each schedule's in its own way, and the tick keeps its name", async () => {
    await using stage = await openStage([job]);
    await stage.put("spread", { spreadMs: minutes(10) });
    await stage.put("other", { spreadMs: minutes(10) });
    const [spread, other] = [await stage.registry.get(tenant, "spread"), await stage.registry.get(tenant, "other")];
    assert.equal(spread.next!.tick, lastHour() + hours(1));
    for (const { next } of [spread, other])
      assert.ok(next!.dueAt >= next!.tick && next!.dueAt <= next!.tick + minutes(10));
    assert.notEqual(spread.next!.dueAt, other.next!.dueAt);
    await stage.put("spread", { spreadMs: minutes(10), missed: "skip" });
    assert.deepEqual((await stage.registry.get(tenant, "spread")).next, spread.next, "always the same for one tick");
  });

  test("a job whose deduplication key is held is joined, and the history says so", async () => {
    const single = testJob(async () => undefined, { deduplicate: () => "one" });
    await using stage = await openStage([single]);
    const { id } = await stage.rig.runtime.producer.enqueue(tenant, single, {});
    await stage.put("joins");
    await stage.setNext("joins", justNow());
    await stage.scheduler().start();
    expect(await stage.history("joins")).toMatchObject([{ outcome: "joined", jobId: id }]);
  });
});

describe("ticks that were missed", () => {
  /** A schedule whose next tick was so long before the last full hour, after a scheduler has looked at it. */
  const missed = async (policy: string, agoMs: number, body: Record<string, unknown> = {}) => {
    const stage = await openStage([job]);
    await stage.put("late", { missed: policy, ...body });
    await stage.setNext("late", lastHour() - agoMs);
    await stage.scheduler().start();
    await stage.rig.until(async () => ((await stage.registry.get(tenant, "late")).next?.tick ?? 0) > Date.now());
    return stage;
  };

  test("skip: each is recorded, none runs, and the next is the first to come", async () => {
    await using stage = await missed("skip", hours(3));
    assert.deepEqual(await outcomes(stage, "late"), ["missed", "missed", "missed", "missed"]);
    assert.deepEqual(await stage.jobs("late"), []);
    assert.equal((await stage.registry.get(tenant, "late")).next!.tick, lastHour() + hours(1));
  });

  test("once: one job, of the newest, makes up for all of them", async () => {
    await using stage = await missed("once", hours(3));
    const [id, ...others] = await stage.jobs("late");
    assert.deepEqual(others, []);
    assert.deepEqual(await outcomes(stage, "late"), ["merged", "merged", "merged", "enqueued"]);
    assert.deepEqual(new Set((await stage.history("late")).map(({ jobId }) => jobId)), new Set([id]));
  });

  test("all: one job each, of the newest 100; what was dropped is one line that says how many", async () => {
    await using stage = await missed("all", hours(129));
    assert.equal((await stage.jobs("late")).length, 100);
    const history = await stage.history("late");
    assert.equal(history.length, 101);
    expect(history.at(-1)).toMatchObject({
      outcome: "missed",
      count: 30,
      tick: new Date(lastHour() - hours(129)).toISOString(),
      until: new Date(lastHour() - hours(100)).toISOString(),
      jobId: null,
    });
    assert.equal((await stage.registry.get(tenant, "late")).fired, 130);
  });

  test("a schedule of each second that was away for a month goes on at once: what is dropped is not counted", async () => {
    await using stage = await missed("all", hours(24 * 30), { everyMs: seconds(1) });
    const history = await stage.history("late");
    const oldest = history.at(-1)!;
    assert.deepEqual([oldest.outcome, oldest.count], ["missed", null]);
    assert.equal(Date.parse(history.at(-2)!.tick) - Date.parse(oldest.until!), seconds(1), "without a hole");
    assert.ok(history.length >= 101);
  });

  test("within a minute nothing is missed: each tick runs, whatever the policy", async () => {
    await using stage = await openStage([job]);
    await stage.put("soon", { missed: "skip", everyMs: seconds(1) });
    await stage.setNext("soon", justNow() - seconds(20));
    await stage.scheduler().start();
    assert.ok((await stage.jobs("soon")).length >= 20);
    assert.deepEqual(new Set(await outcomes(stage, "soon")), new Set(["enqueued"]));
  });
});

describe("a tick while the job before still lives", () => {
  const holding = async (overlap: string) => {
    const held = gate();
    const ran: unknown[] = [];
    const slow = testJob(async (_payload, ctx) => {
      ran.push(ctx.jobId);
      if (ran.length === 1) await held.promise;
    });
    const stage = await openStage([slow], { relay: true });
    await stage.put("slow", { overlap, missed: "all" });
    await stage.setNext("slow", lastHour() - hours(2));
    await stage.scheduler().start();
    await stage.rig.work();
    await stage.rig.until(() => ran.length > 0);
    return { stage, held, ran };
  };

  test("allow: both run", async () => {
    const { stage, held, ran } = await holding("allow");
    await using _ = stage;
    await stage.rig.until(() => ran.length === 3);
    held.open();
  });

  test("skip: the tick is left out and recorded; the next one runs once the job has ended", async () => {
    const { stage, held, ran } = await holding("skip");
    await using _ = stage;
    assert.deepEqual(await outcomes(stage, "slow"), ["enqueued", "overlapped", "overlapped"]);
    await stage.setNext("slow", justNow() - seconds(1));
    await stage.rig.until(async () => (await outcomes(stage, "slow")).length === 4);
    assert.equal((await outcomes(stage, "slow")).at(-1), "overlapped");
    held.open();
    await stage.rig.settled((await stage.jobs("slow"))[0]!);
    await stage.setNext("slow", justNow());
    await stage.rig.until(() => ran.length === 2);
  });

  test("queue: each runs when the one before has ended, in order", async () => {
    const { stage, held, ran } = await holding("queue");
    await using _ = stage;
    const ids = await stage.jobs("slow");
    assert.equal(ids.length, 3);
    const second = await stage.rig.runtime.reader.find(null, ids[1]!);
    assert.deepEqual([second?.state, second?.follows], ["scheduled", ids[0]]);
    assert.equal(ran.length, 1);
    held.open();
    for (const id of ids) await stage.rig.settled(id);
    assert.deepEqual(ran, ids);
  });
});
