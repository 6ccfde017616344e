import assert from "node:assert/strict";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { inject, test } from "vitest";
import { Announcer } from "../../src/ledger/announcer.ts";
import { Database } from "../../src/ledger/database.ts";
import { eventually } from "../rig/eventually.ts";
import { testJob } from "../rig/jobs.ts";
import { startRig } from "../rig/rig.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

/** An announcer, and what a listener of its schema hears: the ids of each notification. */
async function heard(work: (announcer: Announcer, heard: string[][]) => Promise<void>): Promise<void> {
  const schema = `t_${uuidv7().replaceAll("-", "").slice(-12)}`;
  const connectionString = inject("databaseUrl");
  const database = new Database({ connectionString, schema, log });
  const client = new pg.Client({ connectionString });
  const notifications: string[][] = [];
  try {
    await client.connect();
    client.on("notification", ({ payload }) => notifications.push(payload!.split(",")));
    await client.query(`listen ${schema}_jobs`);
    await work(new Announcer(database), notifications);
  } finally {
    await client.end();
    await database.stop();
  }
}

const ids = (count: number) => Array.from({ length: count }, () => uuidv7());

// Seen to fail with more ids in one notification than its limit of 8,000 bytes holds: none of them arrives.
test("a thousand changes of one turn are told by five notifications, each id once", async () => {
  await heard(async (announcer, notifications) => {
    const changed = ids(1_000);
    for (const id of changed) announcer.changed([id, id]);
    await announcer.stop();
    await eventually(() => assert.equal(notifications.flat().length, 1_000));
    assert.deepEqual(notifications.flat(), changed);
    assert.equal(notifications.length, 5);
  });
});

// Seen to fail without the loop in `#tell`: what came meanwhile waits for the next change.
test("what changes while others are told is told right after them", async () => {
  await heard(async (announcer, notifications) => {
    const [first, second] = [ids(1), ids(2)];
    announcer.changed(first);
    await new Promise((resolve) => setImmediate(resolve)); // on its way by now
    announcer.changed(second);
    await eventually(() => assert.deepEqual(notifications.flat(), [...first, ...second]));
    await announcer.stop();
  });
});

test("stopping tells what is left, and waits for it", async () => {
  await heard(async (announcer, notifications) => {
    const changed = ids(3);
    announcer.changed(changed);
    await announcer.stop();
    await eventually(() => assert.deepEqual(notifications.flat(), changed));
  });
});

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
