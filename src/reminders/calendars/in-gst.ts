import { type ComplianceCalendar, monthlyOffsets, rareOffsets } from "./calendar.ts";

const cgst = "CGST Rules 2017, as on the GST portal";
const tax = { kind: "tax-return", roll: "none", source: cgst } as const;

/** India, goods and services tax. Dates do not move for weekends; the authority extends them by notification instead. */
export const inGst: ComplianceCalendar = {
  id: "in-gst",
  title: "India: goods and services tax",
  timeZone: "Asia/Kolkata",
  holidays: "IN",
  validFrom: "2025-04-01",
  reviewedOn: "2026-11-20",
  rules: [
    {
      ...tax,
      key: "gstr-1",
      title: "GSTR-1: outward supplies",
      rrule: "FREQ=MONTHLY;BYMONTHDAY=11",
      offsets: monthlyOffsets,
    },
    {
      ...tax,
      key: "gstr-3b",
      title: "GSTR-3B: summary return and payment",
      rrule: "FREQ=MONTHLY;BYMONTHDAY=20",
      offsets: monthlyOffsets,
    },
    {
      ...tax,
      key: "gstr-9",
      title: "GSTR-9 and 9C: annual return",
      rrule: "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31",
      offsets: rareOffsets,
    },
    {
      ...tax,
      key: "iff",
      title: "Invoice furnishing facility",
      rrule: "FREQ=YEARLY;BYMONTH=2,3,5,6,8,9,11,12;BYMONTHDAY=13",
      offsets: monthlyOffsets,
      when: "QRMP: the first two months of each quarter",
    },
    {
      ...tax,
      key: "gstr-1-qrmp",
      title: "GSTR-1, quarterly",
      rrule: "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=13",
      offsets: rareOffsets,
      when: "QRMP",
    },
    {
      ...tax,
      key: "gstr-3b-qrmp-22",
      title: "GSTR-3B, quarterly",
      rrule: "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=22",
      offsets: rareOffsets,
      when: "QRMP, states of the first group",
    },
    {
      ...tax,
      key: "gstr-3b-qrmp-24",
      title: "GSTR-3B, quarterly",
      rrule: "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=24",
      offsets: rareOffsets,
      when: "QRMP, states of the second group",
    },
    {
      ...tax,
      key: "gstr-7",
      title: "GSTR-7: tax deducted at source",
      rrule: "FREQ=MONTHLY;BYMONTHDAY=10",
      offsets: monthlyOffsets,
      when: "who deducts GST at source",
    },
    {
      ...tax,
      key: "gstr-8",
      title: "GSTR-8: tax collected at source",
      rrule: "FREQ=MONTHLY;BYMONTHDAY=10",
      offsets: monthlyOffsets,
      when: "e-commerce operators",
    },
    {
      ...tax,
      key: "cmp-08",
      title: "CMP-08: quarterly payment",
      rrule: "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=18",
      offsets: rareOffsets,
      when: "composition scheme",
    },
    {
      ...tax,
      key: "gstr-4",
      title: "GSTR-4: annual return",
      rrule: "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=30",
      offsets: rareOffsets,
      when: "composition scheme",
      source:
        "CGST Rules, rule 62 as amended by notification 12/2024 of 10 July 2024 (30 June from FY 2024-25 on, 30 April before)",
    },
  ],
};
