import type { z } from "zod";
import type { appliedCalendar, calendarView } from "../api/obligation-shapes.ts";
import type { Http } from "./http.ts";
import type { ObligationRequest } from "./obligations.ts";

/** Duties that somebody has looked up, with their sources. */
export type ComplianceCalendar = z.output<typeof calendarView>;
export type AppliedCalendar = z.output<typeof appliedCalendar>;

/** Whose duties they become, and how people are told. `rules`: only these, by `key`; default: every rule without a `when`. */
export interface CalendarApplication
  extends Pick<ObligationRequest, "company" | "owner" | "manager" | "overdue" | "at" | "channels" | "priority"> {
  /** Default: the calendar's. */
  readonly timeZone?: string;
  readonly rules?: readonly string[];
}

/** Compliance calendars. Rejects with ProblemError, `calendar_not_found` among others. */
export class CalendarCalls {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async list(): Promise<readonly ComplianceCalendar[]> {
    return (await this.#http.json<{ items: ComplianceCalendar[] }>("/v1/calendars")).items;
  }

  get(id: string): Promise<ComplianceCalendar> {
    return this.#http.json(path(id));
  }

  /** Make its duties a company's obligations, all in one commit. What it made before stays as it is: safe to repeat. */
  apply(
    id: string,
    application: CalendarApplication,
    { idempotencyKey }: { readonly idempotencyKey?: string } = {},
  ): Promise<AppliedCalendar> {
    const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    return this.#http.json(`${path(id)}/apply`, { body: application, headers });
  }
}

function path(id: string): string {
  return `/v1/calendars/${encodeURIComponent(id)}`;
}
