import assert from "node:assert/strict";
import { expect, test } from "vitest";
import type { QueueDefinition } from "#core/queue.ts";
import { Recovery } from "../../src/ledger/recovery.ts";
import { EpochWatch } from "../../src/producer/epoch-watch.ts";
import { gate, testJob, testQueue } from "../rig/jobs.ts";
import { type OwnRedis, startRedis } from "../rig/redis.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

/*
 * Nothing else moves a job here: no relay, no reconciliation. `accepted` after a flush means that the watch did it. With
 * `#recover` emptied each test was seen to time out with its jobs still `queued`.
 */

const queue = testQueue();
const job = testJob(async () => undefined, { queue });

interface Scene extends AsyncDisposable {
  readonly redis: OwnRedis;
  readonly rig: Rig;
  /** A job that Redis holds. */
  queued(): Promise<string>;
  state(id: string): Promise<string | undefined>;
  watch(over?: Partial<ConstructorParameters<typeof EpochWatch>[0]>): EpochWatch;
  epochs(): Promise<{ readonly redis: string | null; readonly postgres: string | undefined }>;
}

async function setScene(queues: readonly QueueDefinition[] = [queue]): Promise<Scene> {
  const redis = await startRedis();
  const rig = await startRig({ jobs: [job], queues, redisUrl: redis.url });
  const { runtime } = rig;
  const watches: EpochWatch[] = [];
  const scene: Scene = {
    redis,
    rig,
    async queued() {
      const { id } = await runtime.producer.enqueue(tenant, job, {});
      await rig.until(async () => (await scene.state(id)) === "queued");
      return id;
    },
    state: async (id) => (await runtime.reader.find(null, id))?.state,
    watch(over = {}) {
      const watch = new EpochWatch({
        ...runtime,
        store: runtime.redis,
        queues,
        recovery: new Recovery(runtime.database),
        reconciler: { repair: async () => null },
        ...over,
      });
      watches.push(watch);
      watch.start();
      return watch;
    },
    async epochs() {
      const { rows } = await runtime.database.executeSql(
        `select epoch from ${rig.schema}.epochs where queue = 'tests'`,
      );
      return { redis: (await runtime.redis.epochs([queue])).get("tests") ?? null, postgres: rows[0]?.epoch };
    },
    async [Symbol.asyncDispose]() {
      for (const watch of watches) await watch.stop();
      await rig[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
  return scene;
}

const agreed = (scene: Scene) =>
  scene.rig.until(async () => {
    const { redis, postgres } = await scene.epochs();
    return redis !== null && redis === postgres && redis;
  });

test("a wiped Redis is noticed, its waiting jobs go back to the relay, and the incident is on record", async () => {
  await using scene = await setScene();
  scene.watch();
  const before = await agreed(scene);
  const [first, second] = [await scene.queued(), await scene.queued()];
  await scene.redis.client.flushall();
  await scene.rig.until(async () => (await scene.state(second)) === "accepted");
  assert.equal(await scene.state(first), "accepted");
  await scene.rig.until(async () => (await agreed(scene)) !== before);
  const [incident] = await scene.rig.until(async () => {
    const found = await scene.rig.runtime.incidents.list({ state: "closed", limit: 1 });
    return found.length > 0 && found;
  });
  expect(incident).toMatchObject({ kind: "redis_lost", subject: "queue/tests", details: { redriven: 2 } });
});

test("a Redis wiped while no scheduler runs is noticed by the next one", async () => {
  await using scene = await setScene();
  const first = scene.watch();
  await agreed(scene);
  await first.stop();
  const id = await scene.queued();
  await scene.redis.client.flushall();
  scene.watch();
  await scene.rig.until(async () => (await scene.state(id)) === "accepted");
});

test("a scheduler that dies in the middle of the re-drive leaves the rest to the next one", async () => {
  await using scene = await setScene();
  const first = scene.watch();
  await agreed(scene);
  await first.stop();
  const id = await scene.queued();
  await scene.redis.client.flushall();
  const recovery = new Recovery(scene.rig.runtime.database);
  const reached = gate();
  const dying = scene.watch({
    recovery: Object.assign(Object.create(recovery) as Recovery, {
      sendAllAgain: () => {
        reached.open();
        return Promise.reject(new Error("killed"));
      },
    }),
  });
  await reached.promise;
  await dying.stop();
  assert.equal(await scene.state(id), "queued");
  assert.notEqual((await scene.epochs()).redis, (await scene.epochs()).postgres, "Postgres has not been told");
  scene.watch();
  await scene.rig.until(async () => (await scene.state(id)) === "accepted");
  await agreed(scene);
});

test("a Redis that is wiped again in the middle of the re-drive is re-driven again", async () => {
  await using scene = await setScene();
  const recovery = new Recovery(scene.rig.runtime.database);
  let passes = 0;
  const id = await scene.queued();
  scene.watch({
    recovery: Object.assign(Object.create(recovery) as Recovery, {
      async sendAllAgain(name: string, after: string | null) {
        passes += 1;
        const page = await recovery.sendAllAgain(name, after);
        if (passes === 1) await scene.redis.client.flushall();
        return page;
      },
    }),
  });
  await agreed(scene);
  await scene.redis.client.flushall();
  await scene.rig.until(() => passes >= 2);
  await scene.rig.until(async () => (await scene.state(id)) === "accepted");
  await agreed(scene);
});

test("a paused queue is paused in the Redis that comes after, before it holds a job", async () => {
  await using scene = await setScene();
  scene.watch();
  await agreed(scene);
  await scene.rig.runtime.settings.set("tests", true, "an operator");
  assert.equal(await scene.rig.runtime.redis.isPaused(queue), true);
  const id = await scene.queued();
  await scene.redis.client.flushall();
  await scene.rig.until(async () => (await scene.state(id)) === "accepted");
  assert.equal(await scene.rig.runtime.redis.isPaused(queue), true);
});

test("of several schedulers one re-drives, and all agree on the epoch that follows", async () => {
  await using scene = await setScene();
  for (let n = 0; n < 3; n++) scene.watch();
  await agreed(scene);
  assert.deepEqual(await scene.rig.runtime.incidents.list({ limit: 9 }), [], "the first epoch is no loss");
  const id = await scene.queued();
  await scene.redis.client.flushall();
  await scene.rig.until(async () => (await scene.state(id)) === "accepted");
  await agreed(scene);
  await scene.rig.until(async () => (await scene.rig.runtime.incidents.list({ state: "closed", limit: 9 })).length > 0);
  const redrives = scene.rig.lines.filter(({ event }) => event === "epoch.redriven");
  assert.equal(redrives.length, 1);
});

test("a job that ran when Redis was wiped is finished by its worker, once", async () => {
  const [begun, finish] = [gate(), gate()];
  let runs = 0;
  const slow = testJob(
    async (_payload, ctx) => {
      runs += 1;
      begun.open();
      await finish.promise;
      return ctx.signal.aborted ? "interrupted" : "done";
    },
    { queue: testQueue({ leaseMs: 1_000 }) },
  );
  await using redis = await startRedis();
  await using rig = await startRig({ jobs: [slow], relay: true, redisUrl: redis.url });
  await rig.work();
  const { id } = await rig.runtime.producer.enqueue(tenant, slow, {});
  await begun.promise;
  await redis.client.flushall();
  await rig.until(() => rig.lines.some(({ event }) => event === "epoch.redriven"));
  // Until BullMQ has missed its lock twice, and the ledger's lease was renewed beyond its first life.
  await rig.until(async () => {
    const { rows } = await rig.runtime.database.executeSql(
      `select lease_until - started_at > interval '2.5 seconds' as renewed from ${rig.schema}.jobs`,
    );
    return rows[0]!.renewed;
  });
  finish.open();
  const done = await rig.settled(id);
  assert.deepEqual([done.state, done.result, runs], ["completed", "done", 1]);
  assert.deepEqual(
    done.attempts.map(({ outcome }) => outcome),
    ["completed"],
  );
});
