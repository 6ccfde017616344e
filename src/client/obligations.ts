import type { z } from "zod";
import type { deliveryView, obligationPage, obligationView, occurrenceView } from "../api/obligation-shapes.ts";
import type { obligationBody, obligationPatch } from "../reminders/obligation.ts";
import type { Http } from "./http.ts";
import { pages } from "./pages.ts";

/** What a company owes, when, and who is told. Days are of its own zone. */
export type ObligationRequest = z.input<typeof obligationBody>;
/** Only what changes; `null` takes `manager` or `calendar` away. */
export type ObligationChange = z.input<typeof obligationPatch>;
/** With its open occurrences, the most pressing first. */
export type Obligation = z.output<typeof obligationView>;
/** Without them. */
export type ObligationLine = z.output<typeof obligationPage>["items"][number];
export type Occurrence = z.output<typeof occurrenceView>;
/** What became of one message, or will. */
export type Delivery = z.output<typeof deliveryView>;

/** `occurrence`: the day it is known by (`occursOn`). Default: the earliest open one; name it, and the call is safe to repeat. */
export interface AboutOccurrence {
  readonly occurrence?: string;
}

/** Obligations and what people say about them. Rejects with ProblemError, `obligation_not_found` among others. */
export class ObligationCalls {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Store and plan it. Not safe to repeat without an `idempotencyKey`. */
  create(body: ObligationRequest, { idempotencyKey }: { readonly idempotencyKey?: string } = {}): Promise<Obligation> {
    const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    return this.#http.json("/v1/obligations", { body, headers });
  }

  get(id: string): Promise<Obligation> {
    return this.#http.json(path(id));
  }

  /** All that match, the oldest first, page after page as you go on. */
  list(
    filter: { readonly company?: string; readonly kind?: string } = {},
  ): AsyncGenerator<ObligationLine, void, undefined> {
    return pages(this.#http, "/v1/obligations", { ...filter });
  }

  /** Change the fields that are given; the plan follows. Safe to repeat. */
  change(id: string, change: ObligationChange): Promise<Obligation> {
    return this.#http.json(path(id), { method: "PATCH", body: change });
  }

  /** Nothing more is sent about it. Who was told what stays on record: `deliveries`. */
  async delete(id: string): Promise<void> {
    await this.#http.send(path(id), { method: "DELETE" });
  }

  /** Done: nothing more is said about this occurrence. `occurrence_completed`: it was before, with other evidence. */
  complete(id: string, said: AboutOccurrence & { readonly evidence: string }): Promise<Occurrence> {
    return this.#http.json(`${path(id)}/complete`, { body: said });
  }

  /** Seen: nobody is told any more that it is overdue. */
  acknowledge(id: string, said: AboutOccurrence = {}): Promise<Occurrence> {
    return this.#http.json(`${path(id)}/acknowledge`, { body: said });
  }

  /** Later: no reminder before the day `until`, and one on it. */
  snooze(id: string, said: AboutOccurrence & { readonly until: string }): Promise<Occurrence> {
    return this.#http.json(`${path(id)}/snooze`, { body: said });
  }

  /** Every message about it, also of a deleted one, in the order of time, page after page as you go on. */
  deliveries(id: string): AsyncGenerator<Delivery, void, undefined> {
    return pages(this.#http, `${path(id)}/deliveries`);
  }
}

function path(id: string): string {
  return `/v1/obligations/${encodeURIComponent(id)}`;
}
