import { type ComplianceCalendar, rareOffsets } from "./calendar.ts";

const source = "VAT Regulations 1995 and gov.uk, VAT returns: one calendar month and 7 days after the period";
const stagger = (key: string, title: string, months: string, when?: string) => ({
  key,
  title,
  kind: "tax-return",
  rrule: `FREQ=YEARLY;BYMONTH=${months};BYMONTHDAY=7`,
  roll: "none" as const,
  offsets: rareOffsets,
  source,
  ...(when !== undefined && { when }),
});

/** United Kingdom, VAT: one month and seven days after the quarter, and no later for a weekend or a bank holiday. */
export const ukVat: ComplianceCalendar = {
  id: "uk-vat",
  title: "United Kingdom: VAT return and payment",
  timeZone: "Europe/London",
  holidays: "GB-ENG",
  validFrom: "2022-04-01",
  reviewedOn: "2026-11-20",
  rules: [
    stagger("stagger-1", "VAT return and payment, quarters to March, June, September, December", "2,5,8,11"),
    stagger(
      "stagger-2",
      "VAT return and payment, quarters to January, April, July, October",
      "3,6,9,12",
      "stagger group 2",
    ),
    stagger(
      "stagger-3",
      "VAT return and payment, quarters to February, May, August, November",
      "1,4,7,10",
      "stagger group 3",
    ),
  ],
};
