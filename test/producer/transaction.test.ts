import assert from "node:assert/strict";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import knex from "knex";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { fromDrizzle, fromKnex, fromKysely } from "pg-boss";
import { inject, test } from "vitest";
import type { SqlRunner } from "../../src/core/sql.ts";
import { testJob } from "../rig/jobs.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

class RolledBack extends Error {}

/** Runs `work` in a transaction of some library; a RolledBack thrown inside rolls back and is swallowed. */
type Transaction = (work: (runner: SqlRunner) => Promise<void>) => Promise<void>;

const libraries: Record<string, (url: string) => { transaction: Transaction; close: () => Promise<unknown> }> = {
  pg: (connectionString) => {
    const pool = new pg.Pool({ connectionString });
    return {
      close: () => pool.end(),
      transaction: async (work) => {
        const client = await pool.connect();
        try {
          await client.query("begin");
          await work({ executeSql: (text, values) => client.query(text, values) });
          await client.query("commit");
        } catch (error) {
          await client.query("rollback");
          throw error;
        } finally {
          client.release();
        }
      },
    };
  },
  kysely: (connectionString) => {
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) });
    return {
      close: () => db.destroy(),
      transaction: (work) => db.transaction().execute((trx) => work(fromKysely(trx))),
    };
  },
  knex: (connection) => {
    const db = knex({ client: "pg", connection });
    return { close: () => db.destroy(), transaction: (work) => db.transaction((trx) => work(fromKnex(trx))) };
  },
  drizzle: (connectionString) => {
    const pool = new pg.Pool({ connectionString });
    const db = drizzle({ client: pool });
    return {
      close: () => pool.end(),
      transaction: (work) => db.transaction((tx) => work(fromDrizzle(tx, drizzleSql))),
    };
  },
};

async function countJobs(rig: Rig): Promise<number> {
  const { rows } = await rig.runtime.database.executeSql(`select count(*)::int as count from ${rig.schema}.jobs`);
  return rows[0]!.count;
}

for (const [name, open] of Object.entries(libraries)) {
  test(`a job enqueued in a ${name} transaction runs when it commits, and never was when it rolls back`, async () => {
    const job = testJob(async (payload) => payload.word);
    await using rig = await startRig({ jobs: [job], relay: true });
    await rig.work();
    const library = open(inject("databaseUrl"));
    const enqueue = (word: string, runner: SqlRunner) =>
      rig.runtime.producer.enqueue(tenant, job, { word }, {}, { in: runner });
    try {
      const rolledBack = library.transaction(async (runner) => {
        await enqueue("never", runner);
        throw new RolledBack();
      });
      await assert.rejects(rolledBack, RolledBack);
      assert.equal(await countJobs(rig), 0);

      let id = "";
      await library.transaction(async (runner) => {
        ({ id } = await enqueue("committed", runner));
        assert.equal(await rig.runtime.reader.find(tenant, id), null, "nobody sees it before the commit");
      });
      const view = await rig.settled(id);
      assert.equal(view.state, "completed");
      assert.equal(view.result, "committed");
      assert.equal(await countJobs(rig), 1);
    } finally {
      await library.close();
    }
  });
}

test("many jobs in one transaction are all there or none", async () => {
  const job = testJob(async () => undefined);
  await using rig = await startRig({ jobs: [job], relay: true });
  await rig.work();
  const entries = Array.from({ length: 20 }, (_, n) => ({ job, payload: { n } }));
  const receipts = await rig.runtime.database.transaction((client) =>
    rig.runtime.producer.enqueueMany(tenant, entries, {
      in: { executeSql: (text, values) => client.query(text, values) },
    }),
  );
  const views = await Promise.all(receipts.map(({ id }) => rig.settled(id)));
  assert.ok(views.every((view) => view.state === "completed"));
});
