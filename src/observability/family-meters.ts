import { Registry } from "prom-client";
import type { Meters } from "#core/meters.ts";
import { PrometheusAiMeter } from "./ai-meter.ts";
import { PrometheusReminderMeter } from "./reminder-meter.ts";
import { PrometheusReportMeter } from "./report-meter.ts";
import { TenantLabels } from "./tenant-labels.ts";

/**
 * What the families of this process count. Made before the runtime, which tells it; `Metrics` puts it on the page, and shares
 * its bound on tenants.
 */
export class FamilyMeters implements Meters {
  readonly registry = new Registry();
  readonly tenants: TenantLabels;
  readonly reminders: PrometheusReminderMeter;
  readonly reports: PrometheusReportMeter;
  readonly ai: PrometheusAiMeter;

  constructor({ tenantLimit }: { tenantLimit?: number | undefined } = {}) {
    this.tenants = new TenantLabels(tenantLimit);
    this.reminders = new PrometheusReminderMeter(this.registry, this.tenants);
    this.reports = new PrometheusReportMeter(this.registry, this.tenants);
    this.ai = new PrometheusAiMeter(this.registry, this.tenants);
  }
}
