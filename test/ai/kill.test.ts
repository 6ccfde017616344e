import assert from "node:assert/strict";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import type { RecordedCall } from "../../src/core/ai-calls.ts";
import { eventually } from "../rig/eventually.ts";
import { type House, openHouse, type Running } from "../rig/processes.ts";

/** 1,000 for the full size: NIGHTSHIFT_AI_KILL_CALLS=1000 (docs/ai.md). */
const calls = Number(process.env.NIGHTSHIFT_AI_KILL_CALLS ?? 150);
const kills = Math.max(4, Math.round(calls / 50));
const patienceMs = 120_000 + calls * 400;

/**
 * A call reserves about 1,500 micros and costs about 60. So the budget pays for all calls, but not for all at once, and what
 * killed workers leave `unknown` eats into it: calls wait for room, and in the full size the last ones are refused.
 */
const budgetMicros = calls * 400;

/** The same kills at the same points of every run: which call they follow, by a small generator. */
function killPoints(): number[] {
  let seed = 20_261_120;
  const next = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  return Array.from({ length: kills }, () => Math.floor(next() * calls * 0.9) + 1).sort((a, b) => a - b);
}

async function everyPage<T>(house: House, path: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body } = await house.call("GET", `${path}&limit=200${cursor && `&cursor=${cursor}`}`);
    items.push(...body.items);
    cursor = body.nextCursor;
  }
  return items;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test(
  `${calls} calls at once, ${kills} workers killed: no budget is passed, and every billed call is on record`,
  async () => {
    const points = killPoints();
    const workers: Running[] = [];
    let seen = 0;
    let killed = 0;
    await using provider = new FakeProvider({
      onCall: () => {
        seen += 1;
        while (points[0] !== undefined && seen >= points[0]) {
          points.shift();
          workers[killed % workers.length]!.kill("SIGKILL"); // in the middle of its calls: this one is not answered yet
          workers[killed % workers.length] = startWorker();
          killed += 1;
        }
      },
    });
    await provider.start();
    provider.limit("slow:40", { requests: 1_000_000, tokens: 1_000_000_000, windowMs: 60_000 });
    await using house = await openHouse();
    const ai = {
      OPENAI_API_KEY: "any",
      OPENAI_BASE_URL: provider.url("slow:40"),
      AI_DAILY_BUDGET_MICROS: String(budgetMicros),
    };
    const startWorker = () => house.launch("worker", { ...ai, WORKER_QUEUES: "ai", LOG_LEVEL: "error" });
    await house.start("api", ai);
    await house.start("scheduler");
    // It buries the jobs that lost their worker too often: BullMQ tells nobody but the reconciliation.
    await house.start("worker", { WORKER_QUEUES: "operations", LOG_LEVEL: "info" });
    workers.push(startWorker(), startWorker());

    const jobs = Array.from({ length: calls }, (_, n) => ({
      job: "ai.respond",
      payload: { message: `Question ${n}: what is due?`, context: `Filing ${n} is due on day ${n}.` },
    }));
    // The first answer tells the gate the limit of this account, so that it is not the limit that is tested here.
    const [first, ...others] = jobs;
    const { body: told } = await house.call("POST", "/v1/jobs/ai.respond", { payload: first!.payload });
    assert.equal((await house.call("GET", `/v1/jobs/${told.id}?wait=60s`)).body.state, "completed");
    assert.equal((await house.call("POST", "/v1/jobs", { jobs: others })).status, 202);

    const ended = new Map<string, { state: string; error: { code: string } | null }>();
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const { body } = await house.call("GET", "/v1/queues");
      const { depth } = body.items.find(({ name }: { name: string }) => name === "ai");
      const open = Object.entries(depth as Record<string, number>)
        .filter(([state]) => !["completed", "dead", "cancelled", "expired"].includes(state))
        .reduce((sum, [, count]) => sum + count, 0);
      if (open === 0) break;
      const alive = workers.filter(({ pid }) => isAlive(pid)).length;
      assert.ok(
        Date.now() < deadline,
        `${open} jobs are open after ${patienceMs} ms: ${JSON.stringify(depth)}; ${seen} calls, ${killed} kills, ${alive} workers`,
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const state of ["completed", "dead"])
      for (const job of await everyPage<{ id: string; state: string; error: { code: string } | null }>(
        house,
        `/v1/jobs?job=ai.respond&state=${state}`,
      ))
        ended.set(job.id, job);
    assert.equal(ended.size, calls, "every job ended, completed or dead");
    assert.ok(killed >= Math.min(3, kills), `${killed} workers were killed`);

    const recorded = await eventually(() => everyPage<RecordedCall>(house, "/v1/ai/calls?"));
    const byId = new Map(recorded.map((call) => [call.id, call]));
    const billed = provider.bill.lines.map(({ callId }) => callId!);
    assert.equal(new Set(billed).size, billed.length, "no call was made twice");
    assert.deepEqual(
      billed.filter((id) => !byId.has(id)),
      [],
      "every billed call is on record",
    );
    const inState = (state: string) => recorded.filter((call) => call.state === state);
    const answered = inState("answered");
    const unknown = inState("unknown");
    const billedOf = new Set(billed);
    assert.deepEqual(
      answered.filter(({ id }) => !billedOf.has(id)),
      [],
      "what is recorded as answered was billed",
    );
    const unknownBilled = unknown.filter(({ id }) => billedOf.has(id)).length;
    assert.equal(billed.length, answered.length + unknownBilled, "billed = recorded, the unknown ones listed");
    assert.equal(new Set(answered.map(({ jobId }) => jobId)).size, answered.length, "no job paid for two answers");
    const micros = new Map(provider.bill.lines.map((line) => [line.callId!, line.micros]));
    for (const call of answered) assert.equal(call.costMicros, micros.get(call.id), "what it cost is what was billed");

    const { body } = await house.call("GET", "/v1/ai/budgets");
    const day = body.items.find(
      (one: { scope: string; period: string }) => one.scope === "tenant" && one.period === "day",
    );
    assert.ok(day.spentMicros + day.reservedMicros <= budgetMicros, JSON.stringify(day));
    assert.ok(provider.bill.totals().micros <= budgetMicros, "nor was more billed than the budget");
    const sum = answered.reduce((total, call) => total + call.costMicros!, 0);
    const held = unknown.reduce((total, call) => total + call.estimateMicros, 0);
    assert.equal(day.spentMicros + day.reservedMicros, sum + held, "the budget is the sum of the calls");
    process.stderr.write(
      `${calls} calls, ${killed} kills: ${answered.length} answered, ${unknown.length} unknown (${unknownBilled} billed), ` +
        `${[...ended.values()].filter(({ state }) => state === "dead").length} dead; ` +
        `spent ${day.spentMicros} + reserved ${day.reservedMicros} of ${budgetMicros}, billed ${provider.bill.totals().micros}\n`,
    );
  },
  patienceMs + 60_000,
);
