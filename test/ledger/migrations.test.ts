import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { expect, inject, test } from "vitest";
import { Database } from "../../src/ledger/database.ts";
import { isMigrated, migrate } from "../../src/ledger/migrate.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

async function withSchema(work: (database: Database) => Promise<void>): Promise<void> {
  const schema = `t_${randomBytes(5).toString("hex")}`;
  const database = new Database({ connectionString: inject("databaseUrl"), schema, log: silent });
  try {
    await work(database);
  } finally {
    await database.executeSql(`drop schema if exists ${schema} cascade`);
    await database.stop();
  }
}

/** Tables, columns, constraints and indexes as text, without the schema's name. */
async function describeSchema(database: Database): Promise<string> {
  const ask = async (text: string) =>
    (await database.executeSql(text, [database.schema])).rows.map((row) =>
      Object.values(row).filter(Boolean).join(" ").replaceAll(`${database.schema}.`, ""),
    );
  const columns = await ask(`
    select table_name || '.' || column_name, data_type, case is_nullable when 'NO' then 'not null' end, column_default
    from information_schema.columns where table_schema = $1 order by table_name, ordinal_position`);
  const constraints = await ask(`
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    from pg_constraint where connamespace = $1::regnamespace and contype <> 'n' order by 1, 2`);
  const indexes = await ask(`select indexdef from pg_indexes where schemaname = $1 order by tablename, indexname`);
  return ["# columns", ...columns, "", "# constraints", ...constraints, "", "# indexes", ...indexes, ""].join("\n");
}

test("the sum of all migrations is the checked-in schema", async () => {
  await withSchema(async (database) => {
    assert.equal(await isMigrated(database), false);
    await migrate(database);
    assert.equal(await isMigrated(database), true);
    await expect(await describeSchema(database)).toMatchFileSnapshot("../../src/ledger/schema.txt");
  });
});

test("processes that migrate at once apply each migration once", async () => {
  await withSchema(async (database) => {
    const applied = await Promise.all([migrate(database), migrate(database), migrate(database)]);
    const first = applied.find((names) => names.length > 0)!;
    assert.ok(first.length >= 3);
    assert.deepEqual(applied.flat(), first);
    assert.deepEqual(await migrate(database), []);
  });
});
