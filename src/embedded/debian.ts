import { randomBytes } from "node:crypto";
import { closeSync, existsSync, globSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { NightshiftError } from "#core/errors.ts";
import { runChild } from "./child.ts";
import { findOnPath } from "./program.ts";
import type { Log } from "./server.ts";

/** Packages could not be taken: not a Debian, downloads forbidden, no network, no such package. */
export class PackagesUnavailable extends NightshiftError {
  readonly code = "debian_packages_unavailable";

  constructor(packages: readonly string[], found: string, cause?: unknown) {
    super(`Expected to take ${packages.join(", ")} from Debian's packages, found: ${found}.`, { packages }, { cause });
  }
}

/** Packages and the libraries that were missing here, unpacked into one directory. Nothing is installed. */
export interface PackageTree {
  readonly root: string;
  readonly binDirs: readonly string[];
  readonly libDirs: readonly string[];
  /** The given environment with both put first, for a program of the tree. */
  readonly env: NodeJS.ProcessEnv;
}

export interface FetchOptions {
  readonly packages: readonly string[];
  /** Shared by every project of this user: see `debianCache`. */
  readonly cacheDir: string;
  /** `NIGHTSHIFT_NO_DOWNLOAD=1` in it forbids the network; what the cache holds is still used. */
  readonly env: NodeJS.ProcessEnv;
  /** Tried on what is kept, which is taken anew when it fails (the system has changed), and on what was taken. */
  readonly works: (tree: PackageTree) => Promise<boolean>;
  readonly log?: Log;
  readonly signal?: AbortSignal;
  /** For all steps together; 60 s unless told. */
  readonly timeoutMs?: number;
}

/** Where unpacked packages are kept for this user. */
export function debianCache(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "nightshift", "debian");
}

/**
 * Take Debian or Ubuntu packages, with every dependency that this machine lacks, without being root and without
 * installing: apt with lists and archives of its own, then plain unpacking. Safe to repeat, and to run twice at once: a
 * tree appears in the cache whole or not at all.
 */
export async function fetchDebianPackages(options: FetchOptions): Promise<PackageTree> {
  const { packages, cacheDir, env, works, log, timeoutMs = 60_000 } = options;
  const kept = join(cacheDir, await release(), packages.join("+"));
  if (existsSync(kept)) {
    const tree = describe(kept, env);
    if (await works(tree)) return tree;
  }

  if (env.NIGHTSHIFT_NO_DOWNLOAD === "1") throw new PackagesUnavailable(packages, "NIGHTSHIFT_NO_DOWNLOAD=1");
  const missing = ["apt-get", "dpkg-deb"].find((program) => !findOnPath(program, env));
  if (missing) throw new PackagesUnavailable(packages, `no ${missing} on this system`);

  const work = `${kept}.${randomBytes(6).toString("hex")}.part`;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    log?.info({ packages, cacheDir }, "packages.downloading");
    await removeAbandoned(dirname(kept));
    await take(work, { packages, env, signal });
    if (!(await works(describe(join(work, "root"), env)))) {
      throw new PackagesUnavailable(packages, "what was taken does not run on this system");
    }
    await rm(kept, { recursive: true, force: true });
    await rename(join(work, "root"), kept).catch((error: unknown) => {
      if (!existsSync(kept)) throw error; // somebody else was faster, with the same packages
    });
    return describe(kept, env);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout.aborted) throw new PackagesUnavailable(packages, `no end after ${timeoutMs} ms`, error);
    if (error instanceof PackagesUnavailable) throw error;
    throw new PackagesUnavailable(packages, error instanceof Error ? error.message : String(error), error);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Download and unpack into `work`/root. */
async function take(
  work: string,
  { packages, env, signal }: { packages: readonly string[]; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<void> {
  const [lists, cache, root] = [join(work, "lists"), join(work, "cache"), join(work, "root")];
  for (const dir of [join(lists, "partial"), join(cache, "archives", "partial"), root]) {
    await mkdir(dir, { recursive: true });
  }
  const settings = {
    "Dir::State::lists": lists,
    "Dir::Cache": cache,
    "Debug::NoLocking": "1", // the locks are root's, and we write nothing they protect
    "APT::Sandbox::User": "", // root's apt would download as a user who cannot write here
    "Acquire::Languages": "none",
    "Acquire::Retries": "1",
    "Acquire::http::Timeout": "10", // seconds; apt's own two minutes per host outlast anybody's patience
    "Acquire::https::Timeout": "10",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const logFile = join(work, "log");
  const run = async (command: string, args: readonly string[]) => {
    const logFd = openSync(logFile, "a");
    const quiet = { ...env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive", TMPDIR: work };
    return runChild(command, args, { env: quiet, logFd, signal }).finally(() => closeSync(logFd));
  };

  // Its exit code says little: it fails for one dead mirror of many, and it succeeds without any network.
  await run("apt-get", [...flags, "update"]);
  const wanted = ["--reinstall", "--no-install-recommends", "--download-only", "--yes", ...packages];
  const how = await run("apt-get", [...flags, "install", ...wanted]);
  if (how !== "code 0") throw new PackagesUnavailable(packages, await firstComplaints(logFile));

  for (const archive of globSync(join(cache, "archives", "*.deb"))) {
    const unpacked = await run("dpkg-deb", ["--extract", archive, root]);
    if (unpacked !== "code 0") throw new PackagesUnavailable(packages, await firstComplaints(logFile));
  }
}

/** What apt complained of first, without the addresses of the mirrors: a failed download, then the error it led to. */
async function firstComplaints(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, "utf8")).split("\n");
  const complaints = [/^W: Failed to fetch/, /^(E:|dpkg-deb: error)/].map((kind) =>
    lines.find((line) => kind.test(line)),
  );
  return (complaints.filter(Boolean).join(" ") || "no output").replaceAll(/\w+:\/\/\S+/g, "(mirror)");
}

/** Packages are built for one release: another one gets its own, as does another architecture. */
async function release(): Promise<string> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, "m").exec(text)?.[1];
  return [field("ID") ?? process.platform, field("VERSION_ID") ?? field("VERSION_CODENAME"), process.arch]
    .filter(Boolean)
    .join("-");
}

function describe(root: string, env: NodeJS.ProcessEnv): PackageTree {
  const binDirs = globSync(["usr/bin", "bin", "usr/sbin", "sbin"], { cwd: root }).map((dir) => join(root, dir));
  // Some libraries keep private companions one level down, such as pulseaudio/.
  const libraries = globSync("{usr/,}lib/{.,*-linux-gnu*,*-linux-gnu*/*}/*.so*", { cwd: root });
  const libDirs = [...new Set(libraries.map((file) => join(root, dirname(file))))];
  const joined = (dirs: readonly string[], rest = "") => [...dirs, rest].filter(Boolean).join(delimiter);
  return {
    root,
    binDirs,
    libDirs,
    env: { ...env, PATH: joined(binDirs, env.PATH), LD_LIBRARY_PATH: joined(libDirs, env.LD_LIBRARY_PATH) },
  };
}

/** What a process that was killed outright left half done. */
async function removeAbandoned(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of await readdir(dir)) {
    if (!name.endsWith(".part")) continue;
    const path = join(dir, name);
    const since = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(), // gone meanwhile
    );
    if (Date.now() - since > 3_600_000) await rm(path, { recursive: true, force: true });
  }
}
