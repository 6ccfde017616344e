import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Knock } from "./child.ts";

const lastKnocks: readonly Knock[] = [
  { signal: "SIGQUIT", waitMs: 500 },
  { signal: "SIGKILL", waitMs: 5000 },
];

/**
 * End what earlier servers left running over `dir`: the one whose pid they wrote to `pidFile`, by the given signals, and
 * then, on Linux, the sessions of a dead Postgres, which can hold its memory for as long as their query takes. Only
 * processes that work in `dir` are touched, because pids are given out again. Call it under the guard's lock. Returns
 * the pids it found.
 */
export async function stopOrphans(dir: string, pidFile: string, knocks: readonly Knock[]): Promise<number[]> {
  const main = readPid(pidFile);
  const mains = main && worksIn(main, dir) ? [main] : [];
  await stop(mains, dir, [...knocks, ...lastKnocks]);
  const stragglers = serversIn(dir);
  await stop(stragglers, dir, lastKnocks);
  return [...mains, ...stragglers];
}

async function stop(pids: readonly number[], dir: string, knocks: readonly Knock[]): Promise<void> {
  let left = pids;
  for (const { signal, waitMs } of knocks) {
    for (const pid of left) {
      try {
        process.kill(pid, signal);
      } catch {
        // it went by itself
      }
    }
    const deadline = Date.now() + waitMs;
    while (left.length > 0 && Date.now() < deadline) {
      left = left.filter((pid) => worksIn(pid, dir));
      if (left.length > 0) await delay(20); // not our children: there is no event to wait for
    }
  }
}

/** The pid in the first line of the file, if it can be one of a process of ours. */
export function readPid(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
    return pid > 1 ? pid : undefined; // Postgres in single-user mode writes a negative one, which kill() takes as a group
  } catch {
    return undefined;
  }
}

/** Whether the process is alive (a zombie is not) and `dir` is the directory it works in, as both servers do. */
export function worksIn(pid: number, dir: string): boolean {
  try {
    if (process.platform === "linux") return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dir);
    return execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).includes(dir);
  } catch {
    return false;
  }
}

function serversIn(dir: string): number[] {
  if (process.platform !== "linux") return [];
  const pids = readdirSync("/proc").map(Number);
  return pids.filter((pid) => pid > 1 && worksIn(pid, dir) && isServer(pid));
}

/** As opposed to somebody's shell or editor that looks around in the directory. */
function isServer(pid: number): boolean {
  try {
    return /^(postgres|initdb|redis-server|valkey-server)$/.test(readFileSync(`/proc/${pid}/comm`, "utf8").trim());
  } catch {
    return false;
  }
}
