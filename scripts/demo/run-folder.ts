import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Folders of runs that stay, the present one among them. */
const kept = 5;

/** Remove the oldest folders of runs beside this one. Their names sort by time. */
export async function pruneRuns(folder: string): Promise<void> {
  const runs = (await readdir(dirname(folder))).filter((name) => name.startsWith("demo-"));
  const old = [...new Set([...runs, basename(folder)])].sort().slice(0, -kept);
  for (const name of old) await rm(join(dirname(folder), name), { recursive: true, force: true });
}
