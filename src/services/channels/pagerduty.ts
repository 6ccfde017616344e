import { createHash } from "node:crypto";
import { type Channel, type Notice, NotSent, type Taken, Undeliverable } from "#core/channel.ts";
import { postJson } from "./http.ts";

export const pagerDutyUrl = "https://events.pagerduty.com/v2/enqueue";
const summaryLimit = 1_024; // characters, Events API v2

/**
 * PagerDuty by Events API v2. The deduplication key is that of the incident, so every message about it is one alert, a
 * repeated one changes nothing, and the last one resolves it.
 */
export class PagerDutyChannel implements Channel {
  readonly repeatable = true;
  readonly #url: string;
  readonly #routingKey: string;

  constructor(options: { url: string; routingKey: string }) {
    this.#url = options.url;
    this.#routingKey = options.routingKey;
  }

  async send(notice: Notice, { signal }: { signal: AbortSignal }): Promise<Taken> {
    const key =
      notice.incident.length <= 255 ? notice.incident : createHash("sha256").update(notice.incident).digest("hex");
    const event = {
      routing_key: this.#routingKey,
      event_action: notice.resolves ? "resolve" : "trigger",
      dedup_key: key,
      ...(!notice.resolves && {
        payload: {
          summary: notice.subject.slice(0, summaryLimit),
          source: "nightshift",
          severity: notice.severity,
          custom_details: notice.facts,
        },
      }),
    };
    const { status } = await postJson("pagerduty", this.#url, event, signal);
    if (status >= 200 && status < 300) return { reference: key };
    if (status >= 500) throw new NotSent("pagerduty", `HTTP ${status}`);
    throw new Undeliverable("pagerduty", `HTTP ${status}`);
  }
}
