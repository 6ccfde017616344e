import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startServers } from "../../src/embedded/servers.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Postgres of this test run, as superuser. Make a schema or database of your own in it. */
    databaseUrl: string;
    /** Redis of this test run. Use a key prefix of your own in it. */
    redisUrl: string;
  }
}

/**
 * One Redis and one Postgres for the whole test run, in a directory that goes with them. Tests get the addresses by
 * `inject("databaseUrl")` and `inject("redisUrl")`. To test against servers of your own, set TEST_DATABASE_URL or
 * TEST_REDIS_URL; the names differ from those of production on purpose.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_DATABASE_URL, TEST_REDIS_URL } = process.env;
  const servers = await startServers({
    dataDir: mkdtempSync(join(tmpdir(), "nightshift-test-")),
    temporary: true,
    fsync: false,
    want: { redis: !TEST_REDIS_URL, postgres: !TEST_DATABASE_URL },
    log: { info: announceDownload, warn: print, error: print },
  });
  project.provide("databaseUrl", TEST_DATABASE_URL ?? servers.databaseUrl!);
  project.provide("redisUrl", TEST_REDIS_URL ?? servers.redisUrl!);
  return () => servers.stop();
}

function announceDownload(fields: object, event: string): void {
  if (event === "packages.downloading") print(fields, event); // the one thing that makes a run slow
}

function print(fields: object, event: string): void {
  process.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
}
