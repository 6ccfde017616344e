import { type ComplianceCalendar, monthlyOffsets, rareOffsets } from "./calendar.ts";

const source = "Income-tax Act 2025, in force from 1 April 2026, and the rules under it";
const collection =
  "Income-tax Rules 1962, rule 31AA, and incometaxmumbai.gov.in, due dates: the 15th, a fortnight before the statements of tax " +
  "deducted; not compared with the rules under the Act of 2025";
const statement = { kind: "tax-return", roll: "none", offsets: rareOffsets, source } as const;
const quarters = "FREQ=YEARLY;BYMONTH=1,5,7,10;BYMONTHDAY=31";

/**
 * India, tax deducted at source. The financial year is April to March: the deposit for March falls on 30 April, and the
 * statement of its last quarter on 31 May. From 1 April 2026 the forms have new numbers.
 */
export const inTds: ComplianceCalendar = {
  id: "in-tds",
  title: "India: tax deducted at source",
  timeZone: "Asia/Kolkata",
  holidays: "IN",
  validFrom: "2026-04-01",
  reviewedOn: "2026-11-20",
  rules: [
    {
      key: "deposit",
      title: "Deposit of tax deducted in the month before",
      kind: "tax-payment",
      rrule: "FREQ=YEARLY;BYMONTH=1,2,3,5,6,7,8,9,10,11,12;BYMONTHDAY=7",
      roll: "none",
      offsets: monthlyOffsets,
      source,
    },
    {
      key: "deposit-march",
      title: "Deposit of tax deducted in March",
      kind: "tax-payment",
      rrule: "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=30",
      roll: "none",
      offsets: monthlyOffsets,
      source,
    },
    {
      ...statement,
      key: "form-138",
      title: "Form 138: quarterly statement, salaries (24Q until March 2026)",
      rrule: quarters,
    },
    {
      ...statement,
      key: "form-140",
      title: "Form 140: quarterly statement, residents (26Q until March 2026)",
      rrule: quarters,
    },
    {
      ...statement,
      key: "form-144",
      title: "Form 144: quarterly statement, non-residents (27Q until March 2026)",
      rrule: quarters,
      when: "who pays non-residents",
    },
    {
      ...statement,
      key: "form-143",
      title: "Form 143: quarterly statement of tax collected (27EQ until March 2026)",
      rrule: "FREQ=YEARLY;BYMONTH=1,5,7,10;BYMONTHDAY=15",
      when: "who collects tax at source",
      source: collection,
    },
  ],
};
