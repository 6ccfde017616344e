import { join } from "node:path";
import { NightshiftError } from "#core/errors.ts";
import { debianCache, fetchDebianPackages, type PackageTree } from "./debian.ts";
import { findOnPath, type Program, versionOf } from "./program.ts";
import type { Log } from "./server.ts";

/** No Redis on this machine, and none could be taken. The message names the one command that mends it. */
export class RedisNotFound extends NightshiftError {
  readonly code = "redis_not_found";
}

const oldest = [6, 2]; // what BullMQ 6 asks for

// Valkey speaks the same protocol and passes BullMQ's suite: docs/adr/0003.
const servers = ["redis-server", "valkey-server"];

const installers: ReadonlyArray<readonly [manager: string, ...commands: string[]]> = [
  ["apt-get", "apt-get update", "apt-get install -y redis-server"],
  ["dnf", "dnf install -y valkey"],
  ["apk", "apk add redis"],
  ["pacman", "pacman -S --noconfirm valkey"],
  ["zypper", "zypper install -y redis"],
  ["brew", "brew install redis"],
];

interface Search {
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Redis or Valkey: from PATH, else the one Debian or Ubuntu packages, kept in the cache of this user. */
export async function findRedis({ env, log, signal }: Search): Promise<Program> {
  const rejected: string[] = [];
  for (const name of servers) {
    const command = findOnPath(name, env);
    if (!command) continue;
    const version = await versionOf({ command, env }, signal);
    if (version && isRecent(version)) return { command, env };
    rejected.push(`${command} (${version ?? "does not run"})`);
  }

  let reason: unknown;
  try {
    // Both by name, because the second holds the program and may be here already, without the first.
    const packages = ["redis-server", "redis-tools"];
    const works = async (tree: PackageTree) => (await versionOf(programOf(tree), signal)) !== undefined;
    const cacheDir = debianCache(env);
    return programOf(await fetchDebianPackages({ packages, cacheDir, env, works, log, signal }));
  } catch (error) {
    signal.throwIfAborted();
    reason = error;
  }
  throw new RedisNotFound(
    `Expected redis-server or valkey-server ${oldest.join(".")} or newer on PATH, found ${rejected.join(", ") || "none"}. ${
      reason instanceof Error ? `${reason.message} ` : ""
    }Run: ${installCommand(env)}`,
    { rejected },
    { cause: reason },
  );
}

function programOf(tree: PackageTree): Program {
  return { command: join(tree.root, "usr/bin/redis-server"), env: tree.env };
}

function isRecent(version: string): boolean {
  const [, major = "0", minor = "0"] = /v=(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > oldest[0]! || (Number(major) === oldest[0] && Number(minor) >= oldest[1]!);
}

function installCommand(env: NodeJS.ProcessEnv): string {
  const [manager, ...commands] = installers.find(([manager]) => findOnPath(manager, env)) ?? [];
  if (!manager) return "REDIS_URL=redis://host:6379 npm start, with a Redis of your own";
  const sudo = manager === "brew" || process.getuid?.() === 0 ? "" : "sudo ";
  return commands.map((command) => sudo + command).join(" && ");
}
