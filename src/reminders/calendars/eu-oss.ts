import { type ComplianceCalendar, monthlyOffsets, rareOffsets } from "./calendar.ts";

const source = "Council Directive 2006/112/EC, articles 364, 367, 369f, 369i, 369s and 369v";

/** European Union, VAT one-stop shop: due on the last day of the month, also when that is a Sunday; nil returns as well. */
export const euOss: ComplianceCalendar = {
  id: "eu-oss",
  title: "European Union: VAT one-stop shop",
  timeZone: "Europe/Brussels",
  holidays: null,
  validFrom: "2021-07-01",
  reviewedOn: "2026-11-20",
  rules: [
    {
      key: "oss",
      title: "OSS return and payment",
      kind: "tax-return",
      rrule: "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=-1",
      roll: "none",
      offsets: rareOffsets,
      source,
    },
    {
      key: "ioss",
      title: "IOSS return and payment",
      kind: "tax-return",
      rrule: "FREQ=MONTHLY;BYMONTHDAY=-1",
      roll: "none",
      offsets: monthlyOffsets,
      when: "import scheme",
      source,
    },
  ],
};
