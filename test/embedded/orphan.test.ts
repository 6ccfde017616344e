import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";
import { stopOrphans } from "../../src/embedded/orphan.ts";
import { startPostgres } from "../../src/embedded/postgres.ts";
import { startRedis } from "../../src/embedded/redis.ts";
import { eventually } from "../rig/eventually.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nightshift-orphan-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const options = (name: string) => ({
  path: join(dir, name),
  fsync: false,
  env: process.env,
  log: { info() {}, warn() {}, error() {} },
  signal: new AbortController().signal,
});

describe.runIf(process.platform === "linux")("orphans", () => {
  test("a process that works in the directory and is named by the pid file is ended", async () => {
    const orphan = spawn("sleep", ["60"], { cwd: dir });
    writeFileSync(join(dir, "pid"), `${orphan.pid}\n`);
    assert.deepEqual(await stopOrphans(dir, join(dir, "pid"), [{ signal: "SIGTERM", waitMs: 2000 }]), [orphan.pid]);
    assert.equal(orphan.signalCode ?? (await once(orphan, "exit"))[1], "SIGTERM");
  });

  test("a process that works elsewhere is left alone, though the pid file names it", async () => {
    const innocent = spawn("sleep", ["60"]);
    writeFileSync(join(dir, "pid"), `${innocent.pid}\n`);
    assert.deepEqual(await stopOrphans(dir, join(dir, "pid"), [{ signal: "SIGTERM", waitMs: 2000 }]), []);
    assert.equal(innocent.signalCode, null);
    innocent.kill();
  });

  test("a start ends the Redis that an earlier guard left behind, and takes over its address", async () => {
    const orphan = await startRedis(options("redis"));
    const next = await startRedis(options("redis"));
    assert.equal(await orphan.exited, "code 0");
    assert.equal(next.url, orphan.url);
    await next.stop();
  });

  test("a start ends the Postgres that an earlier guard left behind, and finds its data", async () => {
    const orphan = await startPostgres(options("postgres"));
    await query(orphan.url, "create table kept (value int)");
    const next = await startPostgres(options("postgres"));
    assert.equal(await orphan.exited, "code 0");
    assert.equal(next.url, orphan.url);
    await query(next.url, "select * from kept");
    await next.stop();
  });

  test("a session that outlives its killed Postgres, busy with a long query, does not keep the next one from starting", async () => {
    const killed = await startPostgres(options("postgres"));
    const busy = new pg.Client({ connectionString: killed.url });
    busy.on("error", () => {}); // its server is about to be killed
    await busy.connect();
    const endless = busy.query("do $$ begin loop end loop; end $$").catch(() => "ended"); // looks at no signal but SIGQUIT
    await eventually(async () => {
      const { rows } = await query(
        killed.url,
        "select 1 from pg_stat_activity where query like 'do %' and state = 'active'",
      );
      assert.equal(rows.length, 1);
    });
    process.kill(killed.pid, "SIGKILL");
    await killed.exited;

    const next = await startPostgres(options("postgres"));
    assert.equal(next.url, killed.url);
    assert.equal(await endless, "ended");
    await next.stop();
  });
});

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(text).finally(() => client.end());
}
