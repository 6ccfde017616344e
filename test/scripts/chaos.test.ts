import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { describe, test } from "vitest";
import type { Evidence, LedgerJob } from "../../scripts/chaos/evidence.ts";
import type { Asked } from "../../scripts/chaos/load.ts";
import { faultKinds, planFaults } from "../../scripts/chaos/plan.ts";
import { judge } from "../../scripts/chaos/verdict.ts";
import type { Effect } from "../../scripts/chaos/world.ts";

describe("a plan", () => {
  const durationMs = 300_000;

  test("is the same for the same seed, and another for another", () => {
    assert.deepEqual(planFaults({ seed: 7, durationMs }), planFaults({ seed: 7, durationMs }));
    assert.notDeepEqual(planFaults({ seed: 7, durationMs }), planFaults({ seed: 8, durationMs }));
  });

  test("has faults of every kind, one after the other, within the time given", () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const plan = planFaults({ seed, durationMs });
      assert.deepEqual(new Set(plan.map(({ kind }) => kind)), new Set(faultKinds));
      assert.deepEqual(
        plan.map(({ number }) => number),
        plan.map((_, index) => index + 1),
      );
      plan.reduce((before, fault) => {
        assert.ok(fault.atMs > before.atMs + before.lastsMs);
        return fault;
      });
      assert.ok(plan.at(-1)!.atMs + plan.at(-1)!.lastsMs < durationMs);
    }
  });

  test("does not kill a server more often than its guard starts it again", () => {
    for (const kind of ["restart-redis", "restart-postgres"] as const) {
      const at = planFaults({ seed: 1, durationMs, kinds: [kind] }).map(({ atMs }) => atMs);
      assert.ok(at.length > 10);
      for (const from of at) assert.ok(at.filter((one) => one >= from && one < from + 60_000).length <= 5);
    }
  });

  test("is printed by --plan, which starts nothing", async () => {
    const [first, again] = await Promise.all([chaos("--plan", "--seed", "7"), chaos("--plan", "--seed", "7")]);
    assert.deepEqual([first.code, first.stdout], [0, again.stdout]);
    assert.match(first.stdout, /Seed 7: \d+ faults in 60.0 s/);
  });
});

describe("a verdict", () => {
  const run = "run-of-the-second-attempt";
  const job: LedgerJob = {
    id: "a",
    job: "chaos-redis.effect-keyed",
    queue: "chaos-redis",
    state: "completed",
    attempt: 2,
    attempts: [
      { number: 1, startedAt: 10, finishedAt: 20, outcome: "lost" },
      { number: 2, startedAt: 20, finishedAt: 30, outcome: "completed" },
    ],
    result: { attempt: 2, worker: "worker-1", run },
    correlationId: "chaos-1",
    parentId: null,
    batchId: null,
    acceptedAt: 5,
    finishedAt: 30,
  };
  const open: LedgerJob = { ...job, state: "running", finishedAt: null };
  const asked: Asked = {
    job: job.job,
    payload: {},
    mayEnd: ["completed"],
    delayMs: 0,
    expiresInMs: null,
    cancelAfterMs: null,
    correlationId: "chaos-1",
    answer: "accepted",
    why: null,
    id: "a",
    at: 6,
  };
  const effect: Effect = { kind: "keyed", what: "", jobId: "a", attempt: 2, worker: "worker-1", run, at: 25 };
  const sound: Evidence = {
    asked: [asked],
    askedBatches: [],
    jobs: [job],
    steps: [],
    batches: [],
    commits: [],
    missing: 0,
    incidents: [],
    effects: [effect],
    keyedAgain: 0,
    staleRefused: 0,
    inflicted: [],
    ownEnds: [],
    settledMs: 1_000,
    patienceMs: 60_000,
  };
  const broken = (change: Partial<Evidence>) => judge({ ...sound, ...change }).broken.join("; ");

  test("passes a run in which every promise held", () => assert.equal(broken({}), ""));

  const plain = { ...job, job: "chaos-redis.effect-plain" };
  const slow = { ...job, job: "chaos-redis.slow" };
  const stepped = { ...job, job: "chaos-redis.steps", result: { ...job.result!, steps: [run, run] } };
  const steps = ["first", "second"].map((name) => ({ jobId: "a", name, attempt: 2, value: run }));
  const doings = steps.map(({ name }) => ({ ...effect, kind: "plain" as const, what: name }));
  const parent = { ...job, job: "chaos-redis.parent", result: { ...job.result!, children: ["b"] } };
  const child = { ...plain, id: "b", parentId: "a", correlationId: null };
  const childEffect = { ...effect, jobId: "b" };
  const unanswered: Asked = { ...asked, answer: "unanswered", why: "TimeoutError", id: null };
  const batch = { id: "c", total: 1, counts: { completed: 1 }, isFinished: true };
  const inBatch = { ...job, batchId: "c" };
  const done = { ...job, id: "d", job: "chaos-redis.batch-done", correlationId: "chaos-1-done" };
  const doneEffect = { ...effect, jobId: "d" };
  const withBatch: Partial<Evidence> = {
    askedBatches: [{ name: "chaos-1", id: "c", size: 1 }],
    batches: [batch],
    jobs: [inBatch, done],
    effects: [effect, doneEffect],
  };

  const sounds: [string, Partial<Evidence>][] = [
    ["a job that nobody answered for and that is not there", { asked: [unanswered], jobs: [] }],
    ["a slow job with its row", { jobs: [slow], commits: [{ jobId: "a", run, attempt: 2, attemptInLedger: 2 }] }],
    ["finished steps", { jobs: [stepped], steps, effects: doings }],
    [
      "a step that was repeated before it was recorded",
      { jobs: [stepped], steps, effects: [{ ...doings[0]!, attempt: 1, run: "other" }, ...doings] },
    ],
    ["a parent with its child", { jobs: [parent, child], effects: [effect, childEffect] }],
    ["a finished batch", withBatch],
  ];
  for (const [what, change] of sounds) test(`passes ${what}`, () => assert.equal(broken(change), ""));

  const failures: [string, Partial<Evidence>, RegExp][] = [
    ["an accepted job that has no row", { jobs: [] }, /1 accepted jobs are not there/],
    ["an accepted job that is still open", { jobs: [open] }, /1 accepted jobs are not there or have not ended/],
    ["an open job that nobody was promised", { asked: [unanswered], jobs: [open] }, /1 jobs are open/],
    ["a job that is there twice", { jobs: [job, { ...job, id: "b" }], effects: [effect, childEffect] }, /there twice/],
    [
      "a request that the API failed at",
      { asked: [{ ...unanswered, answer: "refused", why: "internal_error" }], jobs: [] },
      /500/,
    ],
    ["books that do not balance", { missing: 2 }, /books/],
    [
      "a result of an attempt that had lost its lease",
      { jobs: [{ ...job, result: { ...job.result!, attempt: 1 } }] },
      /stale/,
    ],
    ["a result from another worker than the attempt's", { effects: [{ ...effect, worker: "worker-3" }] }, /stale/],
    [
      "a job that completed twice",
      { jobs: [{ ...job, attempts: job.attempts.map((one) => ({ ...one, outcome: "completed" as const })) }] },
      /stale/,
    ],
    [
      "a row of a stale attempt",
      { commits: [{ jobId: "a", run: "other", attempt: 1, attemptInLedger: 2 }] },
      /stale attempt wrote/,
    ],
    ["a completed job without the row it committed", { jobs: [slow] }, /committed/],
    ["a completed job without its keyed effect", { effects: [] }, /keyed effect/],
    ["a completed job without its plain effect", { jobs: [plain], effects: [] }, /their effect/],
    [
      "a finished step that was done again",
      { jobs: [stepped], steps: steps.map((s) => ({ ...s, attempt: 1 })), effects: doings },
      /done again/,
    ],
    [
      "a step whose value was not the recorded one",
      { jobs: [stepped], steps: steps.map((s) => ({ ...s, value: "x" })), effects: doings },
      /recorded values/,
    ],
    ["a child that is missing", { jobs: [parent] }, /children/],
    [
      "a child of an attempt that failed",
      { jobs: [parent, child, { ...child, id: "e" }], effects: [effect, childEffect, { ...effect, jobId: "e" }] },
      /children/,
    ],
    ["a batch without its completion", { ...withBatch, jobs: [inBatch] }, /batches/],
    ["a batch that counted wrongly", { ...withBatch, batches: [{ ...batch, counts: { dead: 1 } }] }, /batches/],
    ["a batch that did not finish", { ...withBatch, batches: [{ ...batch, isFinished: false }] }, /batches/],
    ["jobs that took too long", { settledMs: null }, /within 60 s/],
  ];
  for (const [what, change, sentence] of failures) test(`fails ${what}`, () => assert.match(broken(change), sentence));

  test("counts effects that happened again by what became of the attempt that had them", () => {
    const again: Effect = { ...effect, kind: "plain", attempt: 1, worker: "worker-2", run: "run-of-the-first" };
    const { broken, rows } = judge({ ...sound, jobs: [plain], effects: [{ ...effect, kind: "plain" }, again] });
    const row = rows.find(([what]) => what === "plain effects");
    assert.deepEqual([broken, row], [[], ["plain effects", "2", "for 1 completed jobs; repeated after: 1 lost"]]);
  });
});

describe("a run", () => {
  test("of some seconds passes: a worker, Redis' memory, Postgres and Redis", { timeout: 240_000 }, async () => {
    const { code, stdout } = await chaos("--seconds", "18", "--seed", "25");
    for (const fault of [/kill -9 worker-/, /FLUSHALL/, /kill -9 postgres/, /kill -9 redis/])
      assert.match(stdout, fault);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /lost +0 /);
  });

  test("fails when the relay is taken away", { timeout: 240_000 }, async () => {
    const killRedis = ["--seconds", "8", "--seed", "1", "--faults", "restart-redis", "--rate", "60", "--patience", "5"];
    const { code, stdout } = await chaos(...killRedis, { NIGHTSHIFT_CHAOS_BREAK: "no-relay" });
    const dir = /Data and logs are in (\/\S*nightshift-chaos-\S+)/.exec(stdout)?.[1];
    if (dir) rmSync(dir, { recursive: true });
    assert.equal(code, 1, stdout);
    assert.match(stdout, /accepted jobs are not there or have not ended/);
  });
});

/** The arguments, then what is added to the environment. */
function chaos(...args: (string | Record<string, string>)[]): Promise<{ code: number; stdout: string }> {
  const options = args.filter((arg) => typeof arg === "string");
  const added = args.filter((arg) => typeof arg !== "string");
  const env = Object.assign({}, process.env, ...added);
  return new Promise((resolve) => {
    execFile(process.execPath, ["scripts/chaos.ts", ...options], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout: stdout + stderr }),
    );
  });
}
