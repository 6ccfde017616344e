import assert from "node:assert/strict";
import { test } from "vitest";
import { z } from "zod";
import { catalog } from "../../src/catalog.ts";
import { Catalog, InvalidCatalog } from "../../src/core/catalog.ts";
import { UnknownJob } from "../../src/core/errors.ts";
import { defineJob } from "../../src/core/job.ts";
import { defineQueue } from "../../src/core/queue.ts";
import { testJob, testQueue } from "../rig/jobs.ts";

const nothing = async () => undefined;

function problemsOf(make: () => unknown): readonly string[] {
  try {
    make();
  } catch (error) {
    assert.ok(error instanceof InvalidCatalog);
    return error.problems;
  }
  return [];
}

test("jobs of the house are for operators to enqueue, and only they", () => {
  for (const { name, queue, enqueuedBy } of catalog.jobs) {
    const ofTheHouse = queue.name === "operations" || queue.name === "reminders";
    assert.equal(enqueuedBy, ofTheHouse ? "operator" : "producer", name);
  }
});

test("a catalog names everything that does not fit, all at once", () => {
  const queue = testQueue();
  const stranger = testQueue({ name: "elsewhere" });
  const problems = problemsOf(
    () =>
      new Catalog(
        [
          testJob(nothing, { queue, name: "tests.twice" }),
          testJob(nothing, { queue, name: "tests.twice" }),
          testJob(nothing, { queue: stranger, name: "tests.lost" }),
          testJob(nothing, { queue, name: "tests.odd", payload: z.object({ at: z.date() }) }),
        ],
        [queue, testQueue()],
      ),
  );
  assert.equal(problems.length, 4);
  assert.match(problems[0]!, /job "tests.twice" is defined more than once/);
  assert.match(problems[1]!, /queue "tests" is defined more than once/);
  assert.match(problems[2]!, /"tests.lost" waits in queue "elsewhere"/);
  assert.match(problems[3]!, /payload schema of job "tests.odd" cannot become JSON Schema/);
});

test("handlers that do not load are named together, before the first job", async () => {
  const queue = testQueue();
  const broken = (name: string, handler: () => Promise<never>) =>
    defineJob({ ...testJob(nothing, { queue, name }), handler });
  const jobs = [
    broken("tests.absent", () => import("./no-such-handler.ts" as string) as Promise<never>),
    broken("tests.empty", async () => ({}) as never),
  ];
  await assert.rejects(new Catalog(jobs, [queue]).loadHandlers(), (error: InvalidCatalog) => {
    assert.equal(error.problems.length, 2);
    assert.match(error.problems[0]!, /"tests.absent" does not load/);
    assert.match(error.problems[1]!, /"tests.empty" exports no function named "handle"/);
    return true;
  });
});

test("the catalog of this release fits, and all its handlers load", async () => {
  await catalog.loadHandlers();
  assert.throws(() => catalog.get("documents.no-such"), UnknownJob);
});

test("a queue with a knob that cannot work is refused where it is declared", () => {
  const queue = testQueue();
  assert.throws(() => defineQueue({ ...queue, name: "a:b" }), /name/);
  assert.throws(() => defineQueue({ ...queue, concurrency: 0 }), /concurrency/);
  assert.throws(() => defineQueue({ ...queue, leaseMs: 10 }), /leaseMs/);
  assert.throws(() => defineQueue({ ...queue, engine: "postgres", durability: "redis" }), /durability/);
});
