import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServers } from "../../src/embedded/servers.ts";
import type { Database } from "../../src/ledger/database.ts";
import { eventually } from "./eventually.ts";

/** A real Postgres of one's own that forgets on demand what was committed without waiting for the disk, as in a power cut. */
export interface ForgetfulPostgres {
  readonly url: string;
  /** From here on nothing reaches the disk but by a commit that waits for it, which takes all before it along. */
  hold(database: Database): Promise<void>;
  /** Die and start over from what is on disk. Resolves when it answers again. */
  forget(database: Database): Promise<void>;
  stop(): Promise<void>;
}

export async function startForgetful(): Promise<ForgetfulPostgres> {
  const servers = await startServers({
    dataDir: mkdtempSync(join(tmpdir(), "nightshift-forgetful-")),
    temporary: true,
    fsync: false,
    want: { redis: false, postgres: true },
    log: { info() {}, warn() {}, error() {} },
  });
  let held: number | null = null;
  return {
    url: servers.databaseUrl!,
    async hold(database) {
      [held = null] = await walWriters(database);
      assert.ok(held !== null);
      process.kill(held, "SIGSTOP");
    },
    async forget(database) {
      assert.ok(held !== null, "Expected a Postgres that was held");
      process.kill(held, "SIGKILL");
      await eventually(async () => assert.ok(!(await walWriters(database)).includes(held!)));
      held = null;
    },
    stop: () => servers.stop(),
  };
}

async function walWriters(database: Database): Promise<number[]> {
  const { rows } = await database.executeSql("select pid from pg_stat_activity where backend_type = 'walwriter'");
  return rows.map((row) => row.pid as number);
}
