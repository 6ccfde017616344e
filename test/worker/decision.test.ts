import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "vitest";
import { NightshiftError, PermanentError } from "../../src/core/errors.ts";
import { CancelJob, RetryAfter, SnoozeJob } from "../../src/core/outcome.ts";
import { exponential, fixed, list, noRetry, type RetryPolicy } from "../../src/core/retry.ts";
import { isTerminal } from "../../src/ledger/job-state.ts";
import { LeaseNotHeld } from "../../src/ledger/ledger.ts";
import { type Decision, decide, type Ended } from "../../src/worker/decision.ts";
import {
  AttemptTimedOut,
  CancelRequested,
  type Interruption,
  LeaseLost,
  WorkerDraining,
} from "../../src/worker/interruption.ts";

class CannotBeMended extends PermanentError {
  readonly code = "cannot_be_mended";
}

class Ours extends NightshiftError {
  readonly code = "ours";
}

const threeTries = fixed({ attempts: 3, delayMs: 70 });

function decided(ended: Ended, interruption: Interruption | null = null, spent = 1, retry: RetryPolicy = threeTries) {
  return decide(ended, { interruption, retry, spent, attempts: retry.attempts, inLedger: true, random: () => 0.5 });
}

const timedOut = new AttemptTimedOut(10);
const abort = new Error("aborted");

/** State, outcome, whether an attempt is spent, and what the engine is told. */
const rows: readonly [string, Decision, string][] = [
  ["a value", decided({ value: 1 }), "completed, completed, spent; complete"],
  ["a value of a timed-out attempt", decided({ value: 1 }, timedOut), "completed, completed, spent; complete"],
  ["a value of a drained one", decided({ value: 1 }, new WorkerDraining()), "completed, completed, spent; complete"],
  ["a value of one cancelled", decided({ value: 1 }, new CancelRequested()), "completed, completed, spent; complete"],
  ["CancelJob", decided({ thrown: new CancelJob("gone") }), "cancelled, cancelled, spent; drop"],
  ["SnoozeJob", decided({ thrown: new SnoozeJob("x", 40) }), "retrying, snoozed, unspent; snooze 40"],
  ["SnoozeJob, last", decided({ thrown: new SnoozeJob("x", 40) }, null, 3), "retrying, snoozed, unspent; snooze 40"],
  ["RetryAfter", decided({ thrown: new RetryAfter(900) }), "retrying, snoozed, unspent; snooze 900"],
  ["an error", decided({ thrown: new Ours("no") }), "retrying, failed, spent; retry 70"],
  ["an error, last", decided({ thrown: new Ours("no") }, null, 3), "dead, failed, spent; dead"],
  ["an error of a job without retry", decided({ thrown: abort }, null, 1, noRetry), "dead, failed, spent; dead"],
  ["a permanent error", decided({ thrown: new CannotBeMended("no") }), "dead, failed, spent; dead"],
  ["a timeout", decided({ thrown: abort }, timedOut), "retrying, timed-out, spent; retry 70"],
  ["a timeout, last", decided({ thrown: abort }, timedOut, 3), "dead, timed-out, spent; dead"],
  ["a cancel", decided({ thrown: abort }, new CancelRequested()), "cancelled, cancelled, spent; drop"],
  ["a drain", decided({ thrown: abort }, new WorkerDraining()), "queued, released, unspent; release"],
  ["a drain, last", decided({ thrown: abort }, new WorkerDraining(), 3), "queued, released, unspent; release"],
  ["a lost lease", decided({ thrown: abort }, new LeaseLost()), "queued, released, unspent; release"],
  ["a refused write", decided({ thrown: new LeaseNotHeld() }), "queued, released, unspent; release"],
  // The reason of the interruption counts, not what the handler made of it.
  [
    "a permanent error, timed out",
    decided({ thrown: new CannotBeMended("") }, timedOut),
    "retrying, timed-out, spent; retry 70",
  ],
  [
    "CancelJob, drained",
    decided({ thrown: new CancelJob("x") }, new WorkerDraining()),
    "queued, released, unspent; release",
  ],
  [
    "SnoozeJob, cancelled",
    decided({ thrown: new SnoozeJob("x", 5) }, new CancelRequested()),
    "cancelled, cancelled, spent; drop",
  ],
];

describe("what a run's end means", () => {
  test.for(rows)("%s", ([, { state, outcome, spends, verdict }, expected]) => {
    const told = "delayMs" in verdict ? `${verdict.kind} ${verdict.delayMs}` : verdict.kind;
    assert.equal(`${state}, ${outcome}, ${spends ? "spent" : "unspent"}; ${told}`, expected);
  });
});

test("the reason is kept beside the job and given to the engine: that of the interruption, if there was one", () => {
  const failed = decided({ thrown: new Ours("no") });
  assert.deepEqual(failed.error, { code: "ours", message: "no" });
  assert.deepEqual(failed.verdict, { kind: "retry", delayMs: 70, error: failed.error });
  const late = decided({ thrown: abort }, timedOut, 3);
  assert.equal(late.error?.code, "attempt_timed_out");
  assert.deepEqual(late.verdict, { kind: "dead", error: late.error });
});

test("nothing is a result: it is null, so that it can be told from a job that has none yet", () => {
  assert.equal(decided({ value: undefined }).result, null);
  assert.equal(decided({ value: 0 }).result, 0);
});

test("the engine is given the result only of jobs that nobody else records", () => {
  const facts = { interruption: null, retry: threeTries, spent: 1, attempts: 3 };
  assert.deepEqual(decide({ value: 7 }, { ...facts, inLedger: false }).verdict, { kind: "complete", result: 7 });
  assert.deepEqual(decide({ value: 7 }, { ...facts, inLedger: true }).verdict, { kind: "complete" });
});

test("attempts are those the job was enqueued with: an older release may have allowed more or fewer", () => {
  const facts = { interruption: null, retry: threeTries, inLedger: true };
  assert.equal(decide({ thrown: new Ours("no") }, { ...facts, spent: 2, attempts: 2 }).state, "dead");
  assert.equal(decide({ thrown: new Ours("no") }, { ...facts, spent: 2, attempts: 9 }).state, "retrying");
});

const policies = fc.oneof(
  fc.record({ attempts: fc.integer({ min: 1, max: 20 }), delayMs: fc.nat(9_999) }).map(fixed),
  fc.array(fc.nat(9_999), { minLength: 1, maxLength: 9 }).map(list),
  fc
    .record({
      attempts: fc.integer({ min: 1, max: 20 }),
      firstMs: fc.nat(999),
      maxMs: fc.nat(99_999),
      jitter: fc.double({ min: 0, max: 0.99, noNaN: true }),
    })
    .map(exponential),
);
const ends: fc.Arbitrary<Ended> = fc.oneof(
  fc.anything().map((value) => ({ value })),
  fc.anything().map((thrown) => ({ thrown })),
  fc
    .constantFrom(
      new CancelJob("x"),
      new SnoozeJob("x", 5),
      new RetryAfter(5),
      new Ours("x"),
      new CannotBeMended("x"),
      new LeaseNotHeld(),
    )
    .map((thrown) => ({ thrown })),
);
const facts = fc.record({
  interruption: fc.constantFrom(null, timedOut, new CancelRequested(), new WorkerDraining(), new LeaseLost()),
  retry: policies,
  spent: fc.integer({ min: 1, max: 25 }),
  attempts: fc.integer({ min: 1, max: 25 }),
  inLedger: fc.boolean(),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }).map((value) => () => value),
});

test("whatever ends however, ledger and engine are told the same, and only work that failed is spent", () => {
  const states = {
    complete: ["completed"],
    drop: ["cancelled"],
    release: ["queued"],
    snooze: ["retrying"],
    retry: ["retrying"],
    dead: ["dead"],
  };
  const property = fc.property(ends, facts, (ended, given) => {
    const { state, spends, outcome, verdict, runInMs, error } = decide(ended, given);
    assert.ok((states[verdict.kind] as string[]).includes(state), `${state} with ${verdict.kind}`);
    assert.equal(spends, outcome !== "released" && outcome !== "snoozed");
    assert.equal(runInMs !== undefined, state === "retrying");
    if ("delayMs" in verdict) assert.equal(verdict.delayMs, runInMs, "both wait for the same time");
    if (isTerminal(state))
      assert.equal(error === undefined, state === "completed", "an end that is no success has a reason");
    if (verdict.kind === "retry") assert.ok(given.spent < given.attempts && given.spent < given.retry.attempts);
    if ("value" in ended) assert.equal(state, "completed");
  });
  fc.assert(property, { numRuns: 2_000 });
});
