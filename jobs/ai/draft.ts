import type { HandlerContext } from "#core/handler.ts";

/** A reader's eye does not need more, and each write is a row and a notification. */
const everyMs = 200;

/** Writes an answer down as it comes, a few times a second, for those who follow the job. */
export class DraftWriter {
  readonly #ctx: HandlerContext;
  #run = 0;
  #text = "";
  #written = "";
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(ctx: HandlerContext) {
    this.#ctx = ctx;
  }

  /** More of the text; another run begins it anew. */
  add(run: number, text: string): void {
    if (run !== this.#run) {
      this.#run = run;
      this.#text = "";
    }
    this.#text += text;
    this.#timer ??= setTimeout(() => this.#write(), everyMs);
  }

  /** Resolves when the last word is written. A draft that cannot be written is missed by nobody but its readers. */
  async close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#write();
    await this.#writing;
  }

  #write(): void {
    this.#timer = null;
    const [run, text] = [this.#run, this.#text.toWellFormed()];
    if (text === "" || `${run} ${text}` === this.#written) return;
    this.#written = `${run} ${text}`;
    const { services, tenant, jobId, log } = this.#ctx;
    this.#writing = this.#writing
      .then(() => services.ai.drafts.write(tenant, jobId, { run, text }))
      .catch((error: Error) => log.debug({ error: error.name }, "ai.draft_not_written"));
  }
}
