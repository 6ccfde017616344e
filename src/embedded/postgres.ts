import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type ChildOptions, type Knock, runChild, startChild } from "./child.ts";
import { readPid, stopOrphans, worksIn } from "./orphan.ts";
import { findPostgres, type PostgresProgram } from "./postgres-program.ts";
import { launchUntilReady, type RunningServer, ServerStartFailed, type StartOptions } from "./server.ts";
import { ServerDir } from "./server-dir.ts";

// Fast shutdown ends the sessions and writes a checkpoint; immediate shutdown leaves recovery to the next start.
const knocks: readonly Knock[] = [
  { signal: "SIGINT", waitMs: 10_000 },
  { signal: "SIGQUIT", waitMs: 3000 },
];

const user = "nightshift";
const database = "postgres"; // the one that initdb makes

/**
 * Start PostgreSQL over its directory: loopback only, password by SCRAM, no socket file. The first start makes the data
 * directory. Ends what an earlier guard left running there. `synchronous_commit` stays on in every mode: without it a
 * killed server loses rows it had acknowledged.
 */
export async function startPostgres({ path, fsync, env, log, signal }: StartOptions): Promise<RunningServer> {
  const dir = new ServerDir(path);
  const program = findPostgres(dir);
  try {
    const data = dir.file("data");
    const pidFile = join(data, "postmaster.pid");
    const password = dir.password();
    if (!existsSync(data)) {
      log.info({ path }, "postgres.initialising");
      await initialise(dir, program, password, { fsync, env, signal });
    }

    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      max_connections: 200,
      shared_buffers: "128MB",
      timezone: "UTC",
      log_timezone: "UTC",
      log_checkpoints: "off",
      ...(!fsync && { fsync: "off", full_page_writes: "off" }),
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    let port = 0;
    const child = await launchUntilReady({
      name: "Postgres",
      dir,
      signal,
      knocks,
      launch: async () => {
        const orphans = await stopOrphans(data, pidFile, knocks);
        if (orphans.length > 0) log.warn({ pids: orphans }, "postgres.orphans_stopped");
        port = await dir.port();
        // A pid file of nobody, of a zombie or of a pid given out again would keep the server from starting.
        const holder = readPid(pidFile);
        if (holder && !worksIn(holder, data)) rmSync(pidFile, { force: true });
        const { directory, ...options } = runIn(data, program, env);
        const args = ["-D", directory, "-p", String(port), ...flags];
        return dir.withLog((logFd) =>
          startChild(program.postgres, args, { ...options, logFd, whenGuardDies: "SIGINT" }),
        );
      },
      isReady: async (child) => {
        const lines = readFileSync(pidFile, "utf8").split("\n");
        return Number(lines[0]) === child.pid && lines[7]?.trim() === "ready"; // what pg_ctl --wait looks at
      },
      isPassing: (tail) => /already exists|still in use|Address already in use/.test(tail),
    });

    const url = `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
    const stop = async () => {
      await child.stop(knocks);
      program.dispose();
    };
    await ping(url).catch(async (error: Error) => {
      await stop();
      throw new ServerStartFailed("Postgres", error.message, dir);
    });
    return { url, pid: child.pid, exited: child.exited, stop };
  } catch (error) {
    program.dispose();
    throw error;
  }
}

/** Make the data directory beside its place and move it there when it is whole. */
async function initialise(
  dir: ServerDir,
  program: PostgresProgram,
  password: string,
  { fsync, env, signal }: Pick<StartOptions, "fsync" | "env" | "signal">,
): Promise<void> {
  const unfinished = dir.file("data.part");
  const passwordFile = dir.file("password.part");
  await stopOrphans(unfinished, join(unfinished, "postmaster.pid"), []);
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (program.account) {
    // Only these two are given away. What lies around them stays ours, so that the account cannot lead root astray.
    for (const path of [unfinished, passwordFile]) chownSync(path, program.account.uid, program.account.gid);
    chmodSync(dir.path, 0o711); // to reach the password file; above it, the data directory lets nobody pass
  }
  const { directory, ...options } = runIn(unfinished, program, env);
  const args = [
    `--pgdata=${directory}`,
    `--username=${user}`,
    `--pwfile=${directory}/../password.part`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin", // Unicode rules that do not depend on the locales of the system
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    ...(fsync ? [] : ["--no-sync"]),
  ];
  const how = await dir.withLog((logFd) => runChild(program.initdb, args, { ...options, logFd, signal }));
  if (how !== "code 0") throw new ServerStartFailed("initdb", how, dir);
  rmSync(passwordFile);
  renameSync(unfinished, dir.file("data"));
}

/**
 * How to name the directory to the programs. Root's `account` may not walk down to a directory in root's home, but it
 * may stay in one where it was put: the kernel takes it there by the link, without looking at the way.
 */
function runIn(
  directory: string,
  { account }: PostgresProgram,
  env: NodeJS.ProcessEnv,
): ChildOptions & { directory: string } {
  const clean = { PATH: env.PATH, TZ: "UTC", LC_ALL: "C" }; // neither our secrets nor somebody's PGDATA
  if (account && process.platform === "linux")
    return { directory: "/proc/self/cwd", cwd: directory, env: clean, ...account };
  return { directory, cwd: directory, env: clean, ...account };
}

async function ping(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end();
  }
}
