import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";

const perFill = 256;
const bytesPerId = 16;
const pool = new Uint8Array(perFill * bytesPerId);
let used = pool.length;
let lastMs = 0;
let sequence = 0;

/**
 * A UUIDv7 for a new job: grows with every call of this process, also within a millisecond (RFC 9562 §6.2, as `uuid` does it).
 * Random bytes are fetched for many ids at once: the system call was 1.7 of the 1.9 µs of an id, and 5 µs of an enqueue on a
 * busy machine (2026-11-20).
 */
export function newJobId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + bytesPerId);
  used += bytesPerId;
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    sequence = ((random[6]! & 0x7f) << 24) | (random[7]! << 16) | (random[8]! << 8) | random[9]!;
  } else {
    sequence = (sequence + 1) | 0;
    if (sequence === 0) lastMs += 1;
  }
  return v7({ random, msecs: lastMs, seq: sequence });
}
