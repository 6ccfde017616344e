import assert from "node:assert/strict";
import { test } from "vitest";
import { Batcher } from "../../src/ledger/batcher.ts";
import { gate } from "../rig/jobs.ts";

const options = {
  maxItems: 10,
  maxWaitMs: 3,
  maxInFlight: 1,
  isRowError: (error: unknown) => error instanceof RangeError,
};

test("calls of one turn are written as one group, in order", async () => {
  const groups: number[][] = [];
  const batcher = new Batcher<number, number>({
    ...options,
    flush: async (items) => {
      groups.push([...items]);
      return items.map((item) => item * 2);
    },
  });
  assert.deepEqual(await Promise.all([1, 2, 3].map((n) => batcher.add(n))), [2, 4, 6]);
  assert.deepEqual(groups, [[1, 2, 3]]);
  await batcher.stop();
});

test("calls that arrive while a group is written wait for the next one, which is bounded", async () => {
  const groups: number[] = [];
  const first = gate();
  const batcher = new Batcher<number, number>({
    ...options,
    flush: async (items) => {
      groups.push(items.length);
      if (groups.length === 1) await first.promise;
      return items;
    },
  });
  const one = batcher.add(0);
  await new Promise((resolve) => setImmediate(resolve)); // the first group is under way
  const rest = Array.from({ length: 25 }, (_, index) => batcher.add(index));
  first.open();
  await Promise.all([one, ...rest]);
  assert.deepEqual(groups, [1, 10, 10, 5]);
  await batcher.stop();
});

test("a row that cannot be written fails alone", async () => {
  const batcher = new Batcher<number, string>({
    ...options,
    flush: async (items) => {
      if (items.includes(3)) throw new RangeError("row 3 is bad");
      return items.map(String);
    },
  });
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => batcher.add(n)));
  assert.deepEqual(
    results.map((result) => result.status),
    ["fulfilled", "fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  await batcher.stop();
});

test("an error of the connection fails the group once, without trying row by row", async () => {
  let flushes = 0;
  const batcher = new Batcher<number, number>({
    ...options,
    flush: async () => {
      flushes += 1;
      throw new Error("connection lost");
    },
  });
  const results = await Promise.allSettled([1, 2, 3].map((n) => batcher.add(n)));
  assert.ok(results.every((result) => result.status === "rejected"));
  assert.equal(flushes, 1);
  await batcher.stop();
});

test("stopping writes what is gathered, then refuses", async () => {
  const written: number[] = [];
  const batcher = new Batcher<number, number>({
    ...options,
    flush: async (items) => {
      written.push(...items);
      return items;
    },
  });
  const pending = [batcher.add(1), batcher.add(2)];
  await Promise.all([batcher.stop(), batcher.stop()]);
  assert.deepEqual(await Promise.all(pending), [1, 2]);
  assert.deepEqual(written, [1, 2]);
  await assert.rejects(batcher.add(3), /stopped/);
});
