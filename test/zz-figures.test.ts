import { test } from "vitest";
import { gate, testJob, testQueue } from "./rig/jobs.ts";
import { serve } from "./api/served.ts";
import { Batches } from "../src/ledger/batches.ts";
const queue = testQueue({ concurrency: 50 });
const shelf = testQueue({ name: "shelf" });
const run = testJob(async () => null, { queue });
const off = testJob(async () => null, { queue: shelf, name: "tests.off" });
test("figures", async () => {
  await using api = await serve({ jobs: [run, off], relay: true });
  const rate = async (name: string, n: number, conc: number, one: (i: number) => Promise<unknown>) => {
    const t = performance.now(); let i = 0; const lat: number[] = [];
    await Promise.all(Array.from({ length: conc }, async () => { while (i < n) { const k = i++; const s = performance.now(); await one(k); lat.push(performance.now() - s); } }));
    const ms = performance.now() - t; lat.sort((a, b) => a - b);
    console.log(name, Math.round((n / ms) * 1000), "/s", "p50", lat[n >> 1]!.toFixed(1), "p99", lat[Math.floor(n * 0.99)]!.toFixed(1));
  };
  const plain = () => api.ask("/v1/jobs/tests.off", { json: { payload: { a: 1 } } });
  await rate("warm", 500, 20, plain);
  for (let r = 0; r < 3; r++) {
    await rate("plain   c20", 2000, 20, plain);
    await rate("keyed   c20", 2000, 20, (i) => api.ask("/v1/jobs/tests.off", { json: { payload: { a: 1 } }, headers: { "idempotency-key": `r${r}-${i}` } }));
    await rate("replay  c20", 2000, 20, (i) => api.ask("/v1/jobs/tests.off", { json: { payload: { a: 1 } }, headers: { "idempotency-key": `r${r}-${i}` } }));
    await rate("join    c20", 1000, 20, () => api.ask("/v1/jobs/tests.off", { json: { payload: { a: 1 }, deduplicationKey: "j" } }));
    await rate("replace c20", 500, 20, () => api.ask("/v1/jobs/tests.off", { json: { payload: { a: 1 }, deduplicationKey: "j", deduplicate: "replace" } }));
  }
  const jobs = Array.from({ length: 10_000 }, (_, n) => ({ job: "tests.run", payload: { n } }));
  await api.rig.work([queue]);
  const t = performance.now();
  const { status, body } = await api.ask("/v1/batches", { json: { jobs, completion: { job: "tests.run", payload: {} } } });
  console.log("batch 10k accepted", status, Math.round(performance.now() - t), "ms");
  let last = 0;
  await api.rig.until(async () => { const { rows } = await api.rig.runtime.database.executeSql(`select extract(epoch from max(finished_at))*1000 as t, count(*) filter (where finished_at is null)::int as open from ${api.rig.schema}.jobs where batch_id=$1`, [body.id]); last = Number(rows[0]!.t); return rows[0]!.open === 0; }, 100_000);
  const b = await api.rig.until(async () => { const v = await new Batches(api.rig.runtime.database).find(null, body.id); return v?.finishedAt ? v : null; });
  console.log("batch done", Math.round(performance.now() - t), "ms; finished", Date.parse(b.finishedAt!) - last, "ms after last job", JSON.stringify(b.counts));
  const g = performance.now(); await api.ask(`/v1/batches/${body.id}`); console.log("get finished", Math.round(performance.now() - g), "ms");
}, 200_000);
