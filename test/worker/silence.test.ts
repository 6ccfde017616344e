import assert from "node:assert/strict";
import { test } from "vitest";
import { type Finding, type Sight, Silence } from "../../src/worker/silence.ts";

const alive = { alive: true, seen: {} };
const dead = { alive: false, seen: {} };
const silent = { ready: 5, free: 2, takenAt: null, pulse: alive };

/** Looks at a pool, a second apart, with a limit of three seconds. */
function findings(...sights: Partial<Sight>[]): Finding[] {
  const silence = new Silence(3_000);
  return sights.map((sight, index) => silence.see({ at: 10_000 + index * 1_000, ...silent, ...sight }));
}

const cases: Record<string, { sights: Partial<Sight>[]; last: Finding }> = {
  "ready work, free slots and nothing taken is silence": { sights: [{}, {}, {}, {}], last: "rebuild" },
  "but not before its time": { sights: [{}, {}, {}], last: "well" },
  "a full pool is busy": { sights: Array(6).fill({ free: 0 }), last: "well" },
  "nothing ready, a paused queue or a used-up rate limit is not silence": {
    sights: Array(6).fill({ ready: 0 }),
    last: "well",
  },
  "a store that does not answer is an outage": { sights: Array(6).fill({ ready: null }), last: "well" },
  "an outage in between begins the count anew": { sights: [{}, {}, { ready: null }, {}, {}, {}], last: "well" },
  "a job taken in between begins the count anew": { sights: [{}, {}, { takenAt: 12_000 }, {}, {}], last: "well" },
  "a dead consumer is silence even when nothing is ready": {
    sights: Array(4).fill({ ready: 0, pulse: dead }),
    last: "rebuild",
  },
  "a dead consumer of a store that is away is the store's trouble": {
    sights: Array(6).fill({ ready: null, pulse: dead }),
    last: "well",
  },
  "a rebuild that changes nothing is repeated": { sights: Array(7).fill({}), last: "rebuild" },
  "a rebuilt pool recovers with the first job it takes": {
    sights: [{}, {}, {}, {}, { takenAt: 13_500 }],
    last: "recovered",
  },
  "or when it is alive and there has been nothing to take for as long": {
    sights: [{}, {}, {}, {}, ...Array(4).fill({ ready: 0 })],
    last: "recovered",
  },
};

for (const [name, { sights, last }] of Object.entries(cases))
  test(name, () => assert.equal(findings(...sights).at(-1), last));
