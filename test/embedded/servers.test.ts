import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { describe, test } from "vitest";
import { startServers } from "../../src/embedded/servers.ts";
import { eventually } from "../rig/eventually.ts";
import { DataDir, type Line } from "./rig.ts";

// What is running is read from /proc.
describe.runIf(process.platform === "linux")("embedded servers", () => {
  test("two processes that start at the same instant share one pair of servers", async () => {
    await using dir = new DataDir();
    const [one, two] = await Promise.all([dir.client().line("ready"), dir.client().line("ready")]);
    assert.deepEqual(one, two);
    assert.equal(dir.processes().filter(({ command }) => command.includes("guard.ts")).length, 1);
    assert.equal(dir.processes().filter(({ command }) => /postgres -D/.test(command)).length, 1);
    assert.equal(dir.processes().filter(({ command }) => /redis-server|valkey-server/.test(command)).length, 1);
  });

  test("the servers stay while anybody uses them, and are down when the last one left", async () => {
    await using dir = new DataDir();
    const first = dir.client();
    const ready = await first.line("ready");
    const second = dir.client();
    await second.line("ready");

    await first.leave();
    await writeBoth(ready, "still here");
    await second.leave();
    assert.deepEqual(
      dir.processes().filter(({ command }) => !command.includes("guard.ts")),
      [],
    );
    assert.equal(existsSync(join(dir.path, "servers.json")), false);
  });

  test("the servers go with their only user, also when it is killed by -9", async () => {
    await using dir = new DataDir();
    const client = dir.client();
    await client.line("ready");
    await client.kill("SIGKILL");
    await dir.quiet();
  });

  test("a second start finds the data of the first, at the same addresses", async () => {
    await using dir = new DataDir();
    const options = { dataDir: dir.path, want: { redis: true, postgres: true } };
    const first = await startServers(options);
    await writeBoth(first, "kept");
    await first.stop();
    await first.stop(); // safe to repeat

    const second = await startServers(options);
    assert.deepEqual([second.redisUrl, second.databaseUrl], [first.redisUrl, first.databaseUrl]);
    assert.deepEqual(await readBoth(second), ["kept", "kept"]);
    await second.stop();
  });

  test("a killed Postgres and a killed Redis come back where they were, with what they had acknowledged", async () => {
    await using dir = new DataDir();
    const client = dir.client();
    const ready = await client.line("ready");
    await writeBoth(ready, "acknowledged");

    for (const [name, pattern] of [
      ["postgres", /postgres -D/],
      ["redis", /redis-server|valkey-server/],
    ] as const) {
      process.kill(dir.processes().find(({ command }) => pattern.test(command))!.pid, "SIGKILL");
      await client.line(`${name}.restarted`);
    }
    assert.deepEqual(await readBoth(ready), ["acknowledged", "acknowledged"]);
  });

  test("after a kill -9 of the guard its users get the same servers again", async () => {
    await using dir = new DataDir();
    const clients = [dir.client(), dir.client()];
    const [ready] = await Promise.all(clients.map((client) => client.line("ready")));
    await writeBoth(ready!, "kept");
    const killed = dir.guardPid();
    process.kill(killed, "SIGKILL");

    await Promise.all(clients.map((client) => client.line("guard.rejoined")));
    assert.notEqual(dir.guardPid(), killed);
    assert.deepEqual(await readBoth(ready!), ["kept", "kept"]);
  });

  test("a kill -9 of the guard and its user together leaves nothing running", async () => {
    await using dir = new DataDir();
    const client = dir.client();
    await client.line("ready");
    process.kill(dir.guardPid(), "SIGKILL");
    await client.kill("SIGKILL");
    await dir.quiet();
  });

  test.for(["SIGINT", "SIGTERM"] as const)(
    "a user that ends by %s during initdb leaves nothing running, and the next start works",
    async (signal) => {
      await using dir = new DataDir();
      const client = dir.client();
      await eventually(() => assert.ok(dir.processes().some(({ command }) => /initdb|--boot|--single/.test(command))));
      await client.kill(signal);
      await dir.quiet();
      assert.equal(existsSync(join(dir.path, "postgres", "data")), false);
      await dir.client().line("ready");
    },
  );

  test("a pid file that names somebody else's process harms neither it nor the start", async () => {
    await using dir = new DataDir();
    const options = { dataDir: dir.path, want: { redis: true, postgres: true }, fsync: false };
    await startServers(options).then((servers) => servers.stop());
    const innocent = spawn("sleep", ["60"]);
    for (const file of ["postgres/data/postmaster.pid", "redis/redis.pid"]) {
      writeFileSync(join(dir.path, file), `${innocent.pid}\n`);
    }
    await startServers(options).then((servers) => servers.stop());
    assert.equal(innocent.exitCode ?? innocent.signalCode, null);
    innocent.kill();
  });

  test("each server can be left out", async () => {
    await using dir = new DataDir();
    const redis = await dir.client({ want: { redis: true, postgres: false } }).line("ready");
    assert.ok(redis.redisUrl && !redis.databaseUrl);
    assert.equal(existsSync(join(dir.path, "postgres")), false);
    const both = await dir.client().line("ready"); // joins, and starts what is missing
    assert.equal(both.redisUrl, redis.redisUrl);
    assert.ok(both.databaseUrl);
  });

  test("passwords are in no command line and in no file that others may read", async () => {
    await using dir = new DataDir();
    const ready = await dir.client().line("ready");
    const passwords = [ready.redisUrl!, ready.databaseUrl!].map((url) => new URL(url).password);
    for (const { command } of dir.processes()) assert.ok(!passwords.some((password) => command.includes(password)));
    assert.equal(statSync(dir.path).mode & 0o777, 0o700);
    for (const file of ["servers.json", "redis/password", "postgres/password", "guard.log"]) {
      assert.equal(statSync(join(dir.path, file)).mode & 0o777, 0o600, file);
    }
  });

  test("who needs fsync does not get servers that run without it", async () => {
    await using dir = new DataDir();
    await dir.client({ fsync: false }).line("ready");
    assert.equal((await dir.client({ fsync: true }).line("refused")).code, "embedded_servers_without_fsync");
  });

  test("a temporary directory goes with its last user, also with a killed one", async () => {
    await using dir = new DataDir();
    const client = dir.client({ temporary: true });
    await client.line("ready");
    await client.kill("SIGKILL");
    await dir.quiet();
    assert.equal(existsSync(dir.path), false);
  });

  test("a start that is given up leaves nothing running", async () => {
    await using dir = new DataDir();
    const user = new AbortController();
    const starting = startServers({ dataDir: dir.path, want: { redis: true, postgres: true }, signal: user.signal });
    await eventually(() => assert.ok(existsSync(join(dir.path, "servers.json"))));
    user.abort();
    await assert.rejects(starting, { name: "AbortError" });
    await dir.quiet();
  });

  test.runIf(process.getuid?.() === 0)("the data directory of another user is refused", async () => {
    await using dir = new DataDir();
    chownSync(dir.path, 65534, 65534);
    const starting = startServers({ dataDir: dir.path, want: { redis: true, postgres: true } });
    await assert.rejects(starting, { code: "data_dir_of_another_user" });
  });

  test("without Redis and without leave to download, the error names the command that mends it", async () => {
    await using dir = new DataDir();
    mkdirSync(join(dir.path, "bin"));
    const env = { PATH: join(dir.path, "bin"), XDG_CACHE_HOME: dir.path, NIGHTSHIFT_NO_DOWNLOAD: "1" };
    const want = { redis: true, postgres: false };
    const refused = await dir.client({ want, env }).line("refused");
    assert.equal(refused.code, "redis_not_found");
    assert.match(refused.message!, /NIGHTSHIFT_NO_DOWNLOAD=1.* Run: /);
    await dir.quiet();
  });
});

async function writeBoth({ redisUrl, databaseUrl }: Partial<Line>, value: string): Promise<void> {
  await withBoth({ redisUrl, databaseUrl } as Line, async (redis, client) => {
    await redis.set("probe", value);
    await client.query("create table if not exists probe (value text)");
    await client.query("insert into probe values ($1)", [value]);
  });
}

async function readBoth(servers: Partial<Line>): Promise<(string | null)[]> {
  let values: (string | null)[] = [];
  await withBoth(servers as Line, async (redis, client) => {
    values = [
      await redis.get("probe"),
      (await client.query<{ value: string }>("select value from probe")).rows[0]!.value,
    ];
  });
  return values;
}

async function withBoth(
  { redisUrl, databaseUrl }: Line,
  use: (redis: Redis, client: pg.Client) => Promise<void>,
): Promise<void> {
  const redis = new Redis(redisUrl!);
  const client = new pg.Client({ connectionString: databaseUrl });
  try {
    await client.connect();
    await use(redis, client);
  } finally {
    redis.disconnect();
    await client.end();
  }
}
