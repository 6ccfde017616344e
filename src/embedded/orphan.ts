import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, realpathSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Knock } from "./child.ts";

/**
 * End a server that an earlier guard left running over `dir`. `pidFile` is the one the server itself writes; its first
 * line is believed only when that process works in `dir`, because pids are given out again. Returns the pid it ended.
 */
export async function stopOrphan(dir: string, pidFile: string, knocks: readonly Knock[]): Promise<number | undefined> {
  const pid = readPid(pidFile);
  if (!pid || !worksIn(pid, dir)) return undefined;
  for (const { signal, waitMs } of [...knocks, { signal: "SIGKILL", waitMs: 5000 } as const]) {
    try {
      process.kill(pid, signal);
    } catch {
      return pid; // it went by itself
    }
    const deadline = Date.now() + waitMs;
    while (Date.now() < deadline) {
      if (!worksIn(pid, dir)) return pid;
      await delay(20); // not our child, so there is no event to wait for
    }
  }
  return pid;
}

export function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
    return pid > 1 ? pid : undefined; // Postgres writes a negative one in single-user mode; kill() would take that as a group
  } catch {
    return undefined;
  }
}

/** Whether the process is alive (a zombie is not) and `dir` is its own. */
export function worksIn(pid: number, dir: string): boolean {
  try {
    // Both servers change into their data directory. A zombie has no working directory any more.
    if (process.platform === "linux") return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dir);
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).includes(dir);
  } catch {
    return false;
  }
}
