import { mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { now } from "./clock.ts";
import type { Addresses } from "./stage.ts";

/** What a page of Postgres's log weighs. */
const page = Buffer.alloc(8_192, 1);

/**
 * How long the disk under the servers takes to be sure of one page, in ms, `count` times, one every `everyMs`. No commit that
 * waits for it can be quicker, whoever makes it.
 */
export async function diskDelays({ blobUrl }: Addresses, count: number, everyMs: number): Promise<number[]> {
  const path = join(dirname(fileURLToPath(blobUrl)), "disk-by-itself");
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "w");
  const delays: number[] = [];
  try {
    for (let written = 0; written < count; written += 1) {
      await file.write(page, 0, page.length, written * page.length);
      const at = now();
      await file.datasync();
      delays.push(now() - at);
      await delay(everyMs);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  return delays;
}
