import type { z } from "zod";
import type { complianceView, previewPage } from "../api/obligation-shapes.ts";
import type { Http } from "./http.ts";
import type { Delivery } from "./obligations.ts";
import { pages, queryOf } from "./pages.ts";

/** A message that would go out, and why. */
export type PreviewedMessage = z.output<typeof previewPage>["items"][number];
/** How a company stands: its occurrences, each counted once. */
export type Compliance = z.output<typeof complianceView>;

/** What will be sent, what went wrong, and how companies stand. */
export class ReminderCalls {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Every message that would go out within `days` (default 90, at most 400), in the order of time, page after page. */
  preview(
    filter: { readonly days?: number; readonly company?: string } = {},
  ): AsyncGenerator<PreviewedMessage, void, undefined> {
    return pages(this.#http, "/v1/reminders/preview", { ...filter });
  }

  /** Messages that failed, or of which nobody knows whether they arrived (the default), newest first, page after page. */
  troubled({
    state = "unknown",
  }: {
    readonly state?: "failed" | "unknown";
  } = {}): AsyncGenerator<Delivery, void, undefined> {
    return pages(this.#http, "/v1/reminders/deliveries", { state });
  }

  /** Send such a message with the next sweep, after somebody has looked. Needs an operator's key. `delivery_not_resendable`. */
  resend(deliveryId: string): Promise<Delivery> {
    return this.#http.json(`/v1/reminders/deliveries/${encodeURIComponent(deliveryId)}/resend`, { method: "POST" });
  }

  /** How a company stands. `dueSoonDays` (default 14): from so many days before its date on an occurrence is due soon. */
  compliance(company: string, options: { readonly dueSoonDays?: number } = {}): Promise<Compliance> {
    return this.#http.json(`/v1/compliance/${encodeURIComponent(company)}?${queryOf({ ...options })}`);
  }
}
