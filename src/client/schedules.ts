import type { z } from "zod";
import type { schedulePolicies, scheduleRule } from "#core/schedule.ts";
import type { ScheduleView, TickRecord, TickView } from "#core/schedule-view.ts";
import type { Receipt } from "../producer/receipt.ts";
import type { Http } from "./http.ts";
import { pages } from "./pages.ts";

export type Schedule = ScheduleView;

/** What a schedule is to do: exactly one of `cron`, `rrule`, `everyMs` and `preset`. */
export interface ScheduleRequest
  extends Partial<z.input<typeof scheduleRule>>,
    Partial<z.input<typeof schedulePolicies>> {
  readonly job: string | { readonly name: string };
  readonly payload: unknown;
  readonly preset?: string;
}

/** Repeatable work. Changes need the key of an operator. Rejects with ProblemError, `schedule_not_found` among others. */
export class ScheduleCalls {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Make it, or make it this one. Safe to repeat. */
  put(name: string, { job, ...rest }: ScheduleRequest): Promise<Schedule> {
    const body = { job: typeof job === "string" ? job : job.name, ...rest };
    return this.#http.json(path(name), { method: "PUT", body });
  }

  get(name: string): Promise<Schedule> {
    return this.#http.json(path(name));
  }

  /** All of them by name, page after page as you go on. */
  list(filter: { readonly job?: string } = {}): AsyncGenerator<Schedule, void, undefined> {
    return pages(this.#http, "/v1/schedules", { ...filter });
  }

  /** Jobs that it has enqueued go on. `schedule_declared`: it comes with the code. */
  async delete(name: string): Promise<void> {
    await this.#http.send(path(name), { method: "DELETE" });
  }

  pause(name: string): Promise<Schedule> {
    return this.#http.json(`${path(name)}/pause`, { method: "POST" });
  }

  resume(name: string): Promise<Schedule> {
    return this.#http.json(`${path(name)}/resume`, { method: "POST" });
  }

  /** Enqueue its job now. `idempotencyKey`: safe to send again. */
  run(name: string, { idempotencyKey }: { readonly idempotencyKey?: string } = {}): Promise<Receipt> {
    const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
    return this.#http.json(`${path(name)}/run`, { method: "POST", headers });
  }

  /** The ticks to come, by the function that fires them. `from`: after this instant (ISO 8601). */
  async preview(
    name: string,
    { count = 20, from }: { readonly count?: number; readonly from?: string } = {},
  ): Promise<readonly TickView[]> {
    const query = new URLSearchParams({ count: String(count), ...(from !== undefined && { from }) });
    return (await this.#http.json<{ ticks: TickView[] }>(`${path(name)}/preview?${query}`)).ticks;
  }

  /** What came of its ticks, newest first, page after page as you go on. */
  ticks(name: string): AsyncGenerator<TickRecord, void, undefined> {
    return pages(this.#http, `${path(name)}/ticks`);
  }
}

function path(name: string): string {
  return `/v1/schedules/${encodeURIComponent(name)}`;
}
