import assert from "node:assert/strict";
import pg from "pg";
import { describe, inject, onTestFinished, test, vi } from "vitest";
import { conform } from "./conformance.ts";
import { refused, Stage } from "./stage.ts";
import { engineAt, newMessage, newQueue, newScope } from "./subject.ts";

const url = inject("databaseUrl");
const scope = newScope();

async function sql(text: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(text, values).finally(() => client.end());
}

const stage = new Stage(
  { kind: "postgres", url, scope },
  // What another consumer's sweep would have done meanwhile.
  (queue, id) =>
    sql(`UPDATE ${scope}_boss.job SET state = 'retry' WHERE name = $1 AND id = $2 AND state = 'active'`, [
      queue.name,
      id,
    ]),
);
conform(stage, () => sql(`DROP SCHEMA ${scope}_boss CASCADE`));

describe("on Postgres alone", () => {
  test("several processes may be the first to start", async () => {
    const address = { kind: "postgres", url, scope: newScope() } as const;
    const queue = newQueue("postgres");
    const engines = [engineAt(address), engineAt(address), engineAt(address)];
    await Promise.all(engines.map((engine) => engine.start([queue])));
    const message = newMessage();
    await engines[0]!.dispatch(queue, [message]);
    assert.equal((await engines[1]!.find(queue, message.id))?.state, "waiting");
    await Promise.all(engines.map((engine) => engine.stop()));
    await sql(`DROP SCHEMA ${address.scope}_boss CASCADE`);
  });

  test("an idle worker is woken, not only found by its next poll", async () => {
    const queue = await stage.open();
    vi.useFakeTimers({ toFake: ["setTimeout"] }); // polls never come
    const worker = await stage.start(queue);
    onTestFinished(() => void vi.useRealTimers());
    for (let round = 0; round < 20; round++) {
      await stage.dispatch(queue, newMessage());
      await worker.do({ kind: "complete" });
    }
  });

  test("a worker goes on after all of its connections broke", async () => {
    const queue = await stage.open();
    const [first, second] = [newMessage(), newMessage()];
    await stage.dispatch(queue, first);
    const worker = await stage.start(queue);
    const delivery = await worker.next();
    await sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [
      `nightshift ${scope}_boss`,
    ]);
    delivery.settle({ kind: "dead", error: refused });
    const dispatch = (): Promise<void> => stage.dispatch(queue, second).catch(dispatch); // as a relay would
    await dispatch();
    assert.equal((await worker.do({ kind: "complete" })).id, second.id);
    await worker.stop();
    assert.equal((await stage.engine.find(queue, first.id))?.state, "failed");
    assert.equal((await stage.engine.find(queue, second.id))?.state, "completed");
  });

  test("a worker whose process function throws loses the job as if it had crashed", async () => {
    const queue = await stage.open({ leaseMs: 1_000, maxStalled: 0 });
    const message = newMessage();
    await stage.dispatch(queue, message);
    const dead = Promise.withResolvers<string>();
    const errors: Error[] = [];
    const consumer = stage.engine.consume(queue, () => Promise.reject(new Error("a fault of the worker")), {
      onDead: (id) => dead.resolve(id),
      onError: (error) => errors.push(error),
    });
    await consumer.start();
    assert.equal(await dead.promise, message.id);
    await consumer.stop(10_000);
    assert.deepEqual(
      errors.map((error) => error.message),
      ["a fault of the worker"],
    );
  });

  test("an error that jsonb cannot hold is mended rather than lost", async () => {
    const queue = await stage.open();
    const message = newMessage();
    await stage.dispatch(queue, message);
    const worker = await stage.start(queue);
    await worker.do({ kind: "dead", error: { code: "odd", message: "cut \ud83d", details: { nul: "a\0b" } } });
    await worker.stop();
    const job = await stage.engine.find(queue, message.id);
    assert.deepEqual(job?.error, { code: "odd", message: "cut \ufffd", details: { nul: "a\ufffdb" } });
  });

  test("a message that jsonb cannot hold is refused alone", async () => {
    const queue = await stage.open();
    const [good, bad] = [newMessage(), newMessage({ tenant: "a\0b" })];
    const results = await stage.engine.dispatch(queue, [bad, good]);
    assert.deepEqual(
      results.map(({ ok }) => ok),
      [false, true],
    );
    assert.equal((await stage.engine.counts(queue)).waiting, 1);
  });

  test("a queue that keeps nothing forgets what completed", async () => {
    const queue = await stage.open({ keepCompletedMs: 0 });
    const message = newMessage();
    await stage.dispatch(queue, message);
    const worker = await stage.start(queue);
    await worker.do({ kind: "complete" });
    await worker.stop();
    assert.equal(await stage.engine.find(queue, message.id), null);
  });
});
