import type { z } from "zod";
import type { ChildOptions } from "#core/handler.ts";
import type { JobDefinition } from "#core/job.ts";
import type { Parent, Prepared, Producer } from "../producer/producer.ts";

/** The jobs a handler enqueued. They are checked at once, and accepted only when the attempt that made them completes. */
export class Children {
  readonly #producer: Producer;
  readonly #parent: Parent;
  readonly #made: Prepared[] = [];

  constructor(producer: Producer, parent: Parent) {
    this.#producer = producer;
    this.#parent = parent;
  }

  get made(): readonly Prepared[] {
    return this.#made;
  }

  /** Throws InvalidInput. */
  add<Payload extends z.ZodType>(
    job: JobDefinition<Payload>,
    payload: z.input<Payload>,
    options: ChildOptions = {},
  ): string {
    const child = this.#producer.prepareChild(this.#parent, { job, payload, options });
    this.#made.push(child);
    return child.row.id;
  }
}
