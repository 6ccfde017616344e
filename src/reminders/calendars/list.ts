import type { ComplianceCalendar } from "./calendar.ts";
import { euOss } from "./eu-oss.ts";
import { inGst } from "./in-gst.ts";
import { inTds } from "./in-tds.ts";
import { soc2 } from "./soc2.ts";
import { ukVat } from "./uk-vat.ts";

/** Every calendar that we ship, by id. */
export const calendars: readonly ComplianceCalendar[] = [inGst, inTds, euOss, ukVat, soc2];

export function findCalendar(id: string): ComplianceCalendar | undefined {
  return calendars.find((calendar) => calendar.id === id);
}
