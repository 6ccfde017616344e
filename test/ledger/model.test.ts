import fc from "fast-check";
import { test } from "vitest";
import { seconds } from "#core/duration.ts";
import { House } from "./model/house.ts";
import { drafts, type Operation } from "./model/operation.ts";
import { burst, effort, sequence, takeOver } from "./model/properties.ts";

// The ledger against a model of it (model/machine.ts). That these tests can fail is shown by mutants.test.ts.

const timeout = seconds(30) * Number(process.env.FC_RUNS ?? 1);

const story = (maxLength: number, kinds?: Operation["kind"][]) =>
  fc.array(drafts(kinds), { minLength: 1, maxLength, size: "max" });

test(
  "whatever is done in whatever order, the ledger is what the life of a job says",
  async () => {
    await using house = await House.open();
    await fc.assert(
      fc.asyncProperty(story(60), async (drafted) => {
        await sequence(house, drafted);
      }),
      effort(80, seconds(9)),
    );
  },
  seconds(600),
);

test(
  "what is done at the same instant is as if it had been done one after the other",
  async () => {
    await using house = await House.open();
    const atOnce: Operation["kind"][] = [
      "start",
      "settle",
      "settleWith",
      "accept",
      "cancel",
      "redrive",
      "bury",
      "mark",
    ];
    const fine: Operation["kind"][] = ["step", "commit", "progress", "renew", "expire", "relay", "recordDead"];
    await fc.assert(
      fc.asyncProperty(story(8), story(4, [...atOnce, ...fine]), async (before, drafted) => {
        await burst(house, await sequence(house, before), drafted);
      }),
      effort(200, seconds(5)),
    );
  },
  seconds(600),
);

test(
  "a worker that was paused and one that takes its jobs over are told the truth, and do not fail each other",
  async () => {
    await using house = await House.open();
    const orderings = fc.integer({ min: 2, max: 100 }).chain((count) => {
      const places = Array.from({ length: count }, (_, place) => place);
      const ordering = fc.shuffledSubarray(places, { minLength: count, maxLength: count });
      return fc.tuple(ordering, ordering);
    });
    await fc.assert(
      fc.asyncProperty(orderings, ([ended, taken]) => takeOver(house, ended, taken)),
      effort(60, seconds(4)),
    );
  },
  seconds(600),
);
