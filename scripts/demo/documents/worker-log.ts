import { closeSync, openSync, readSync } from "node:fs";

interface Line {
  readonly msg: string;
  readonly jobId?: string;
}

const chunkBytes = 64 * 1024;

/**
 * What a worker process did and what it holds, by its own log (at level debug, which tells of starts). Reads on from
 * where it was: a worker writes a line before it goes on, so a look at a frozen worker's file misses nothing.
 */
export class WorkerLog {
  /** Jobs begun and not ended. */
  readonly held = new Set<string>();
  /** Jobs completed. */
  readonly completed = new Set<string>();
  readonly #path: string;
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** Take in what was written since the last look. */
  read(): void {
    const file = openSync(this.#path, "r");
    try {
      const chunk = Buffer.alloc(chunkBytes);
      for (;;) {
        const length = readSync(file, chunk, 0, chunkBytes, this.#offset);
        if (length === 0) return;
        this.#offset += length;
        this.#take(Buffer.concat([this.#rest, chunk.subarray(0, length)]));
      }
    } finally {
      closeSync(file);
    }
  }

  #take(bytes: Buffer<ArrayBuffer>): void {
    const end = bytes.lastIndexOf("\n") + 1;
    this.#rest = Buffer.from(bytes.subarray(end));
    for (const text of bytes.toString("utf8", 0, end).split("\n")) {
      if (!text.includes('"attempt.')) continue;
      const { msg, jobId } = JSON.parse(text) as Line;
      if (jobId === undefined) continue;
      if (msg === "attempt.started") this.held.add(jobId);
      else this.held.delete(jobId);
      if (msg === "attempt.completed") this.completed.add(jobId);
    }
  }
}
