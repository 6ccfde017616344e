import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject, test } from "vitest";
import { KeyStore } from "../../src/access/keys.ts";
import { Database } from "../../src/ledger/database.ts";
import { migrate } from "../../src/ledger/migrate.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

/** A database of its own, because the script uses the schema every installation has. */
async function ownDatabase(): Promise<AsyncDisposable & { url: string; database: Database }> {
  const name = `key_${randomBytes(5).toString("hex")}`;
  const admin = async (statement: string) => {
    const client = new pg.Client({ connectionString: inject("databaseUrl") });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };
  await admin(`create database ${name}`);
  const url = new URL(inject("databaseUrl"));
  url.pathname = `/${name}`;
  const database = new Database({ connectionString: url.href, log });
  return {
    url: url.href,
    database,
    async [Symbol.asyncDispose]() {
      await database.stop();
      await admin(`drop database ${name} with (force)`);
    },
  };
}

function run(url: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, DATABASE_URL: url };
    execFile(process.execPath, ["scripts/key.ts", ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test("a key is printed alone, works, and does not once it is revoked", async () => {
  await using own = await ownDatabase();
  await migrate(own.database);
  const made = await run(own.url, "--name", "billing", "--tenant", "acme", "--role", "producer");
  assert.deepEqual([made.code, made.stderr.includes("producer of acme")], [0, true]);
  assert.match(made.stdout, /^ns_[0-9a-f]{12}_[\w-]{32}\n$/);
  const key = made.stdout.trim();
  const principal = await new KeyStore(own.database, undefined).verify(key);
  assert.deepEqual([principal?.tenant, principal?.role], ["acme", "producer"]);

  assert.equal((await run(own.url, "--revoke", principal!.keyId)).code, 0);
  assert.equal(await new KeyStore(own.database, undefined).verify(key), null);
  assert.equal((await run(own.url, "--revoke", principal!.keyId)).code, 1);
});

test("what cannot be a key is refused with what was expected", async () => {
  await using own = await ownDatabase();
  const unmigrated = await run(own.url, "--name", "x", "--tenant", "acme", "--role", "viewer");
  assert.deepEqual([unmigrated.code, unmigrated.stdout], [1, ""]);
  assert.match(unmigrated.stderr, /npm run release/);
  const misused = [[], ["--name", "x"], ["--name", "x", "--tenant", "acme", "--role", "king"], ["--colour", "red"]];
  await Promise.all(
    misused.map(async (args) => {
      const { code, stdout, stderr } = await run(own.url, ...args);
      assert.deepEqual([args, code, stdout], [args, 64, ""]);
      assert.match(stderr, /npm run key/);
    }),
  );
  await migrate(own.database);
  const bad = await run(own.url, "--name", "x", "--tenant", "A B", "--role", "viewer");
  assert.deepEqual([bad.code, bad.stdout], [1, ""]);
});

test("a burst of requests with one key hashes it once", async () => {
  await using own = await ownDatabase();
  await migrate(own.database);
  const { key } = await new KeyStore(own.database, undefined).create({ name: "x", tenant: "acme", role: "viewer" });
  const keys = new KeyStore(own.database, undefined);
  const executeSql = own.database.executeSql.bind(own.database);
  let looks = 0;
  own.database.executeSql = (text, values) => {
    looks += 1;
    return executeSql(text, values);
  };
  const found = await Promise.all(Array.from({ length: 50 }, () => keys.verify(key)));
  assert.equal(found.filter((principal) => principal?.tenant === "acme").length, 50);
  assert.equal(looks, 1);
});
