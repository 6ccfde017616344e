import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { test } from "vitest";
import type { NewJob } from "../../src/ledger/acceptance.ts";
import { statements } from "../../src/ledger/statements.ts";
import { testJob } from "../rig/jobs.ts";
import { startRig, tenant } from "../rig/rig.ts";
import { newJob } from "./new-job.ts";

const job = testJob(async () => undefined);

const row = (overrides: Partial<NewJob> = {}): NewJob => newJob(job, overrides);

const done = { state: "completed", outcome: "completed", spends: true, result: { ok: true } } as const;

test("only the holder of the lease can settle, and only once", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger, reader } = rig.runtime;
  const { id } = await ledger.accept(row());
  assert.equal((await ledger.start(id, "lease-1")).kind, "started");
  assert.equal(await ledger.settle({ id, lease: "lease-0", ...done }), false, "a lease of somebody else");
  assert.equal(await ledger.settle({ id, lease: "lease-1", ...done }), true);
  assert.equal(await ledger.settle({ id, lease: "lease-1", ...done }), false, "settled already");
  assert.equal((await reader.find(tenant, id))?.state, "completed");
});

test("a second claim takes the job over: the first worker's settle and progress change nothing", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger, reader } = rig.runtime;
  const { id } = await ledger.accept(row());
  await ledger.start(id, "lost");
  const second = await ledger.start(id, "held");
  assert.equal(second.kind === "started" && second.attempt, 2);
  assert.equal(await ledger.settle({ id, lease: "lost", ...done, result: "of the stale attempt" }), false);
  await ledger.progress({ id, lease: "lost", fraction: 0.9, note: "stale" });
  assert.equal((await reader.find(tenant, id))?.progress.note, null);
  assert.equal(await ledger.settle({ id, lease: "held", ...done, result: "of the holder" }), true);
  const view = await reader.find(tenant, id);
  assert.equal(view?.result, "of the holder");
  assert.deepEqual(
    view?.attempts.map((attempt) => attempt.outcome),
    ["lost", "completed"],
  );
});

test("starting a completed job returns its result instead of an attempt", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger } = rig.runtime;
  const { id } = await ledger.accept(row());
  await ledger.start(id, "a");
  await ledger.settle({ id, lease: "a", ...done });
  assert.deepEqual(await ledger.start(id, "b"), { kind: "completed", result: { ok: true } });
  assert.deepEqual(await ledger.start(uuidv7(), "c"), { kind: "refused", state: "missing" });
});

test("a row that Postgres refuses fails alone; its neighbours of the same group are accepted", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger, reader } = rig.runtime;
  const rows = [row(), row({ retryAttempts: 0 }), row()]; // the schema demands at least one attempt
  const results = await Promise.allSettled(rows.map((one) => ledger.accept(one)));
  assert.deepEqual(
    results.map((result) => result.status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.equal((await reader.find(tenant, rows[2]!.id))?.state, "accepted");
});

test("two living jobs with one deduplication key are one job, also within one group; another tenant's is another", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger } = rig.runtime;
  const keyed = () => row({ deduplicationKey: "invoice-7" });
  const accepted = await Promise.all([keyed(), keyed(), keyed()].map((one) => ledger.accept(one)));
  assert.equal(new Set(accepted.map((one) => one.id)).size, 1);
  assert.equal(accepted.filter((one) => one.duplicate).length, 2);
  const { id } = accepted[0]!;
  assert.notEqual((await ledger.accept(row({ deduplicationKey: "invoice-7", tenant: "other" }))).id, id);

  await ledger.start(id, "a");
  assert.equal((await ledger.accept(keyed())).id, id, "a running job lives");
  await ledger.settle({ id, lease: "a", ...done });
  assert.notEqual((await ledger.accept(keyed())).id, id, "an ended one does not");
});

test("cancelling ends a waiting job, asks a running one, leaves an ended one, and never another tenant's", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger } = rig.runtime;
  const waiting = await ledger.accept(row());
  assert.equal(await ledger.cancel("other", waiting.id), null);
  assert.equal((await ledger.cancel(tenant, waiting.id))?.after, "cancelled");
  assert.deepEqual(await ledger.start(waiting.id, "a"), { kind: "refused", state: "cancelled" });

  const running = await ledger.accept(row());
  await ledger.start(running.id, "a");
  assert.equal((await ledger.cancel(tenant, running.id))?.after, "running");
  assert.deepEqual(await ledger.cancelRequested([running.id, waiting.id]), [running.id]);
  assert.deepEqual(await ledger.start(running.id, "b"), { kind: "refused", state: "cancelled" }, "its worker is gone");
  assert.equal((await ledger.cancel(tenant, running.id))?.after, "cancelled");
  assert.equal(await ledger.settle({ id: running.id, lease: "a", ...done }), false);
});

test("a job that no attempt began before its expiry ends as expired", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger, reader } = rig.runtime;
  const past = new Date(Date.now() - 1_000);
  const claimed = await ledger.accept(row({ expiresAt: past }));
  assert.deepEqual(await ledger.start(claimed.id, "a"), { kind: "refused", state: "expired" });
  const swept = await ledger.accept(row({ expiresAt: past }));
  assert.deepEqual(
    (await ledger.expire(10)).map((one) => one.id),
    [swept.id],
  );
  assert.equal((await reader.find(tenant, swept.id))?.error?.code, "expired");
});

test("only a dead job can be redriven; it then has its attempts again and keeps its history", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger, reader } = rig.runtime;
  const { id } = await ledger.accept(row());
  assert.equal(await ledger.redrive(tenant, id), null);
  await ledger.start(id, "a");
  const error = { code: "handler_error", message: "it failed" };
  await ledger.settle({ id, lease: "a", state: "dead", outcome: "failed", spends: true, error });
  assert.equal((await ledger.redrive(tenant, id))?.id, id);
  const view = await reader.find(tenant, id);
  assert.equal(view?.state, "accepted");
  assert.equal(view?.error, null);
  assert.equal(view?.attempts.length, 1);
  const again = await ledger.start(id, "b");
  assert.equal(again.kind === "started" && again.attempt, 2);
});

test("a payload comes back as it was given, down to the order of its fields", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger } = rig.runtime;
  const payload = { z: 1, a: "₹ नमस्ते 🎉", big: 9_007_199_254_740_991, nested: [null, { b: false }] };
  const { id } = await ledger.accept(row({ payload }));
  const started = await ledger.start(id, "a");
  assert.deepEqual(started.kind === "started" && started.payload, payload);
});

// Seen to fail with an index whose condition names `state`: each start then writes to all indexes of its row.
test("a start stays within its page, and dead jobs are found by their index all the same", async () => {
  await using rig = await startRig({ jobs: [job] });
  const { ledger, database, reader } = rig.runtime;
  const rows = [row(), row(), row()];
  const ids = rows.map(({ id }) => id);
  await ledger.acceptTogether(rows);
  await Promise.all(ids.map((id) => ledger.markQueued(id)));
  const counts = await database.transaction(async (client) => {
    await client.query(statements(rig.schema).start, [ids, ids, ids.map(() => 5_000)]);
    const { rows: counted } = await client.query(
      `select pg_stat_get_xact_tuples_updated(t)::int as updated, pg_stat_get_xact_tuples_hot_updated(t)::int as hot
       from (select '${rig.schema}.jobs'::regclass as t) jobs`,
    );
    return counted[0];
  });
  assert.deepEqual(counts, { updated: 3, hot: 3 });

  await ledger.settle({ id: ids[0]!, lease: ids[0]!, ...done });
  const error = { code: "failed", message: "of a test" };
  await ledger.settle({ id: ids[1]!, lease: ids[1]!, state: "dead", outcome: "failed", spends: true, error });
  const dead = await reader.list({ tenant, state: "dead", limit: 10 });
  assert.deepEqual(
    dead.map(({ id }) => id),
    [ids[1]],
  );
});
