import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "vitest";
import { hours, minutes, seconds } from "../../src/core/duration.ts";
import { scheduleRule } from "../../src/core/schedule.ts";
import { type DueSchedule, plan } from "../../src/scheduler/due.ts";
import { spreadOf } from "../../src/scheduler/spread.ts";

const start = Date.parse("2027-01-01T00:00:00Z");
const due = (over: Partial<DueSchedule> = {}): DueSchedule => ({
  tenant: "acme",
  name: "tests",
  rule: scheduleRule.parse({ everyMs: hours(1) }),
  spreadMs: 0,
  next: { tick: start, note: null, dueAt: start },
  fired: 0,
  missed: "once",
  overlap: "allow",
  lastJobOpen: false,
  ...over,
});
const fates = (schedule: DueSchedule, now: number) => plan(schedule, now).fates.map(({ fate }) => fate);

describe("what becomes of ticks that have passed", () => {
  test.for([
    ["a tick that has just come", due(), 5, ["enqueue"]],
    ["one that is a minute late", due({ missed: "skip" }), minutes(1), ["enqueue"]],
    ["one that is later than that", due({ missed: "skip" }), minutes(1) + 1, ["missed"]],
    ["once, and one alone", due(), hours(1) - 1, ["enqueue"]],
    ["once, of three", due(), hours(2), ["merged", "merged", "enqueue"]],
    ["all", due({ missed: "all" }), hours(2), ["enqueue", "enqueue", "enqueue"]],
    ["all, one at a time", due({ missed: "all", overlap: "skip" }), hours(2), ["enqueue", "overlapped", "overlapped"]],
    ["all, in a row", due({ missed: "all", overlap: "queue" }), hours(1), ["enqueue", "enqueue"]],
    ["the job before is open", due({ overlap: "skip", lastJobOpen: true }), 5, ["overlapped"]],
    ["nobody makes up for them", due({ overlap: "skip", lastJobOpen: true }), hours(1), ["overlapped", "overlapped"]],
  ] as const)("%s", ([, schedule, afterMs, expected]) => assert.deepEqual(fates(schedule, start + afterMs), expected));

  test("the end of a rule is the end: limit and endsAt", () => {
    const limited = due({ rule: scheduleRule.parse({ everyMs: hours(1), limit: 2 }), missed: "all" });
    assert.deepEqual([fates(limited, start + hours(5)).length, plan(limited, start + hours(5)).next], [2, null]);
    const ending = due({
      rule: scheduleRule.parse({ everyMs: hours(1), endsAt: "2027-01-01T03:00:00Z" }),
      missed: "all",
    });
    assert.deepEqual([fates(ending, start + hours(5)).length, plan(ending, start + hours(5)).next], [4, null]);
  });

  test("however long it was away: no tick is told twice, none is left untold, at most 100 jobs", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(seconds(1), seconds(7), minutes(1), hours(1)),
        fc.integer({ min: 0, max: hours(24 * 60) }),
        fc.constantFrom("skip" as const, "once" as const, "all" as const),
        (everyMs, afterMs, missed) => {
          const now = start + afterMs;
          const made = plan(
            due({ rule: scheduleRule.parse({ everyMs, startsAt: new Date(start).toISOString() }), missed }),
            now,
          );
          let expected = start;
          for (const { tick, until, count } of made.fates) {
            assert.equal(tick, expected, "each begins where the one before ended");
            if (count !== null && until !== null) assert.equal(until, tick + (count - 1) * everyMs);
            expected = (until ?? tick) + everyMs;
          }
          assert.equal(made.next!.tick, expected);
          assert.ok(made.next!.tick > now && made.lastTick <= now);
          assert.ok(made.fates.filter(({ fate }) => fate === "enqueue").length <= 100);
        },
      ),
    );
  });
});

test("a spread is from 0 to its limit, the same for one tick, and evenly so", () => {
  const spreads = Array.from({ length: 2_000 }, (_, index) => spreadOf("acme/tests", start + index * 1_000, 1_000));
  assert.ok(spreads.every((ms) => ms >= 0 && ms <= 1_000 && Number.isInteger(ms)));
  const mean = spreads.reduce((sum, ms) => sum + ms, 0) / spreads.length;
  assert.ok(mean > 450 && mean < 550, `${mean}`);
  assert.equal(spreadOf("acme/tests", start, 1_000), spreads[0]);
  assert.equal(spreadOf("acme/tests", start, 0), 0);
});
