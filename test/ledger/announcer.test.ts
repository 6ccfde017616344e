import assert from "node:assert/strict";
import { test } from "vitest";
import { Announcer } from "../../src/ledger/announcer.ts";
import type { Database } from "../../src/ledger/database.ts";
import { testJob } from "../rig/jobs.ts";
import { startRig } from "../rig/rig.ts";

// Seen to fail without the look after a telling has ended: one of these moments is too late for it, and too early for a new one.
test("a change is told at whatever moment of an earlier one's telling it comes", async () => {
  await using rig = await startRig({ jobs: [testJob(async () => undefined)] });
  const { database, listener } = rig.runtime;
  await listener.start();
  const heard = new Set<string>();
  listener.on("jobs", (ids) => {
    for (const id of ids.split(",")) heard.add(id);
  });

  for (let ticks = 0; ticks < 12; ticks += 1) {
    let isFirst = true;
    const tapped: Database = Object.create(database, {
      hot: {
        value(...call: Parameters<Database["hot"]>) {
          const telling = database.hot(...call);
          if (isFirst) void telling.then(() => after(ticks, () => announcer.changed([`second-${ticks}`])));
          isFirst = false;
          return telling;
        },
      },
    });
    const announcer = new Announcer(tapped);
    announcer.changed([`first-${ticks}`]);
    await rig.until(() => heard.has(`first-${ticks}`) && heard.has(`second-${ticks}`));
    await announcer.stop();
  }
  assert.equal(heard.size, 24);
});

/** So many turns of the microtask queue later. */
async function after(ticks: number, run: () => void): Promise<void> {
  for (let left = ticks; left > 0; left -= 1) await undefined;
  run();
}
