import { DatabaseSync } from "node:sqlite";

/**
 * Take the exclusive lock of a file, or return undefined when another process holds it. The kernel holds it for us and
 * frees it when this process ends in whatever way, so there is no stale lock to judge by a pid that was given out again.
 * SQLite is used for its portable file lock alone; the file stays empty.
 */
export function tryLock(path: string): Disposable | undefined {
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    file.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    file.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === 5; // SQLITE_BUSY
}
