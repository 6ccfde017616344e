import type { Drafts } from "#core/ai.ts";
import type { Listener } from "../ledger/listener.ts";

/** More of an answer on its way. `from`: where in the text it belongs, in UTF-16 units; another `run` begins anew at 0. */
export interface Delta {
  readonly run: number;
  readonly from: number;
  readonly text: string;
}

/** Tells those who follow a job what it is about to answer. One subscription serves all requests of the process. */
export class DraftWatch {
  readonly #drafts: Pick<Drafts, "read">;
  readonly #listener: Pick<Listener, "on">;
  readonly #readers = new Map<string, Set<DraftReader>>();
  #unhear: (() => void) | null = null;

  constructor(options: { drafts: Pick<Drafts, "read">; listener: Pick<Listener, "on"> }) {
    this.#drafts = options.drafts;
    this.#listener = options.listener;
  }

  start(): void {
    this.#unhear ??= this.#listener.on("drafts", (id) => {
      for (const reader of this.#readers.get(id) ?? []) reader.look();
    });
  }

  stop(): void {
    this.#unhear?.();
    this.#unhear = null;
  }

  /** Hear what a job's answer says so far, and what is added, until `leave`. `hear` answers false when it cannot take more now. */
  join(tenant: string, id: string, hear: (delta: Delta) => boolean): { flush(): Promise<void>; leave(): void } {
    const reader = new DraftReader(() => this.#drafts.read(tenant, id), hear);
    const readers = this.#readers.get(id) ?? new Set();
    this.#readers.set(id, readers.add(reader));
    reader.look();
    return {
      flush: () => reader.look(),
      leave: () => {
        reader.leave();
        readers.delete(reader);
        if (readers.size === 0) this.#readers.delete(id);
      },
    };
  }
}

/** One request's place in a draft. */
class DraftReader {
  readonly #read: () => ReturnType<Drafts["read"]>;
  readonly #hear: (delta: Delta) => boolean;
  #run = -1;
  #told = 0;
  #left = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(read: () => ReturnType<Drafts["read"]>, hear: (delta: Delta) => boolean) {
    this.#read = read;
    this.#hear = hear;
  }

  leave(): void {
    this.#left = true;
  }

  /** Tell what is new; one look after the other. A draft that cannot be read is passed over: the answer comes all the same. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#tell()).catch(() => undefined);
    return this.#looking;
  }

  async #tell(): Promise<void> {
    if (this.#left) return;
    const draft = await this.#read();
    if (!draft || this.#left) return;
    const from = draft.run === this.#run ? this.#told : 0;
    if (draft.text.length <= from) return;
    if (!this.#hear({ run: draft.run, from, text: draft.text.slice(from) })) return;
    this.#run = draft.run;
    this.#told = draft.text.length;
  }
}
