import { Counter, type Registry } from "prom-client";
import type { ReminderMeter } from "#core/meters.ts";
import type { TenantLabels } from "./tenant-labels.ts";

/** What became of messages whose turn had come. Nothing of whom they were for. */
export class PrometheusReminderMeter implements ReminderMeter {
  readonly #tenants: TenantLabels;
  readonly #deliveries: Counter<"channel" | "state" | "tenant">;

  constructor(registry: Registry, tenants: TenantLabels) {
    this.#tenants = tenants;
    this.#deliveries = new Counter({
      name: "nightshift_reminder_deliveries_total",
      help: "Messages that came into this state when their turn had come; planned: not sent, and waiting for another attempt.",
      labelNames: ["channel", "state", "tenant"],
      registers: [registry],
    });
  }

  delivery({ tenant, channel, state }: Parameters<ReminderMeter["delivery"]>[0]): void {
    this.#deliveries.inc({ channel, state, tenant: this.#tenants.of(tenant) });
  }
}
