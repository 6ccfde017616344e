import assert from "node:assert/strict";
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { seconds } from "#core/duration.ts";
import { House } from "./model/house.ts";
import { mutants } from "./model/mutants.ts";
import { drafts } from "./model/operation.ts";
import { sequence } from "./model/properties.ts";

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterAll(() => house[Symbol.asyncDispose]());

/**
 * The property of model.test.ts, run against a ledger that was broken on purpose, one piece of SQL at a time: each of them
 * must be found out.
 */
test.for(mutants)("$name", async ({ kinds, ...mutation }) => {
  house.mutate(mutation);
  const story = fc.array(drafts(kinds), { minLength: 20, maxLength: 60, size: "max" });
  const property = fc.asyncProperty(story, async (drafted) => {
    await sequence(house, drafted);
  });
  const found = await fc.check(property, {
    seed: 1,
    numRuns: 100,
    interruptAfterTimeLimit: seconds(20),
    endOnFailure: true,
  });
  assert.ok(house.hits > 0, "a mutant that changes no statement is out of date");
  assert.ok(found.failed && !found.interrupted, "nothing that is tested tells this ledger from a sound one");
  const { cause } = found.errorInstance as { cause?: { code?: unknown } };
  assert.doesNotMatch(`${cause?.code}`, /^42/, "a mutant that Postgres cannot read is no mutant");
});
