import assert from "node:assert/strict";
import { v7 as uuidv7 } from "uuid";
import { seconds } from "#core/duration.ts";
import type { House } from "./house.ts";
import { empty, type Model } from "./job.ts";
import { apply } from "./machine.ts";
import { type Draft, type Operation, resolve } from "./operation.ts";
import { assertAgrees, assertFollows, assertSound } from "./seen.ts";
import { hasSerialOrder, type Told } from "./serial.ts";

const { FC_RUNS = "1", FC_SEED, FC_PATH } = process.env;

/** For one test, with time to shrink a counterexample. */
export const patienceMs = seconds(60) * Number(FC_RUNS);

/**
 * How often to try, and for how long at the most: on a busy machine fewer runs. FC_RUNS multiplies both; FC_SEED and
 * FC_PATH repeat what a failure printed.
 */
export function effort(numRuns: number, limitMs: number) {
  const factor = Number(FC_RUNS);
  const seed = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };
  const path = FC_PATH === undefined ? {} : { path: FC_PATH };
  return { numRuns: numRuns * factor, interruptAfterTimeLimit: limitMs * factor, ...seed, ...path };
}

/** One after the other: every answer and every row is what the model says. Resolves with where that leads. */
export async function sequence(house: House, steps: readonly Draft[]): Promise<Model> {
  await house.clear();
  let model = empty;
  let before = await house.look();
  const done: Operation[] = [];
  for (const step of steps) {
    const operation = resolve(step, model);
    done.push(operation);
    const predicted = apply(model, operation);
    try {
      const answer = await house.perform(operation, done.length % 2);
      const after = await house.look();
      assertSound(after);
      assertFollows(before, after, "one");
      assert.deepEqual(answer, predicted.answer);
      assertAgrees(after, predicted.model);
      before = after;
    } catch (error) {
      const story = done.map((one) => JSON.stringify(one)).join("\n");
      throw new Error(`After\n${story}\n${(error as Error).message}`, { cause: error });
    }
    model = predicted.model;
  }
  await house.assertBalanced(model.jobs.size);
  return model;
}

/** All at once, through two processes: some order of them explains every answer and every row. */
export async function burst(house: House, model: Model, drafted: readonly Draft[]): Promise<void> {
  const before = await house.look();
  const operations = drafted.map((draft) => alone(resolve(draft, model)));
  const told = await together(house, operations);
  const after = await house.look();
  assertSound(after);
  assertFollows(before, after, "many");
  await house.assertBalanced(after.size);
  if (hasSerialOrder(model, told, after)) return;
  const story = [...told, "which left", ...after.values().map(({ job }) => job)];
  assert.fail(`No order explains\n${story.map((one) => JSON.stringify(one)).join("\n")}`);
}

/**
 * A worker that was paused ends its attempts while another one takes the same jobs over, each in its own order and each
 * in groups of many. Both are told the truth about every job, and neither is failed by the other.
 */
export async function takeOver(house: House, ended: readonly number[], taken: readonly number[]): Promise<void> {
  await house.clear();
  const jobs = ended.map((_, place) => ({ id: uuidv7(), lease: `paused-${place}` }));
  await Promise.all(jobs.map(({ id }) => house.perform(acceptOf(id))));
  await Promise.all(jobs.map((job) => house.perform({ kind: "start", ...job })));
  const settles = ended.map((place): Operation => ({ kind: "settle", ...jobs[place]!, verdict: "failed", number: 0 }));
  const starts = taken.map((place): Operation => ({ kind: "start", id: jobs[place]!.id, lease: `new-${place}` }));
  const told = await together(
    house,
    settles.flatMap((settle, place) => [settle, starts[place]!]),
  );
  const after = await house.look();
  assertSound(after);
  const counted = new Map(
    told.map(({ operation, answer }) => [`${operation.kind} ${(operation as { id: string }).id}`, answer]),
  );
  for (const { id } of jobs) {
    const { outcomes, lease } = after.get(id)!.job;
    assert.equal(counted.get(`settle ${id}`), outcomes[0] === "failed", `whether the settle of ${id} counted`);
    assert.equal((counted.get(`start ${id}`) as { kind: string }).kind, "started");
    assert.ok(lease?.startsWith("new-"), `${id} is held by who was told so last`);
  }
}

function acceptOf(id: string): Operation {
  const wanted = { id, number: 0, key: null, scheduled: false, due: false, expiry: "none", mode: "join" } as const;
  return { kind: "accept", wanted: [wanted] };
}

/** Several requests with one key take several statements: between them, others come in. */
function alone(operation: Operation): Operation {
  return operation.kind === "accept" ? { ...operation, wanted: operation.wanted.slice(0, 1) } : operation;
}

/** Fire them all in one turn, by turns through one process and the other. What is thrown is an answer like any other. */
function together(house: House, operations: readonly Operation[]): Promise<Told[]> {
  return Promise.all(
    operations.map(async (operation, place) => ({
      operation,
      answer: await house.perform(operation, place % 2).catch((error: Error) => `${error.name}: ${error.message}`),
    })),
  );
}
