import { type ComplianceCalendar, monthlyOffsets, rareOffsets, weeklyOffsets } from "./calendar.ts";

const source =
  "AICPA Trust Services Criteria 2017 (points of focus 2022); how often is common practice, and your auditor's word counts";
const review = { kind: "control", source } as const;

/** A SOC 2 year: what has to have happened, and how often, for the evidence to be there when the auditor asks. */
export const soc2: ComplianceCalendar = {
  id: "soc2",
  title: "SOC 2: controls of a year",
  timeZone: "UTC",
  holidays: null,
  validFrom: "2024-01-01",
  reviewedOn: "2026-11-20",
  rules: [
    {
      ...review,
      key: "alert-review",
      title: "Review of security alerts",
      rrule: "FREQ=WEEKLY;BYDAY=MO",
      roll: "following",
      offsets: weeklyOffsets,
    },
    {
      ...review,
      key: "vulnerability-scan",
      title: "Vulnerability scan and triage",
      rrule: "FREQ=MONTHLY;BYDAY=1TU",
      roll: "following",
      offsets: monthlyOffsets,
    },
    {
      ...review,
      key: "restore-sample",
      title: "Restore of a sample backup",
      rrule: "FREQ=MONTHLY;BYDAY=2TU",
      roll: "following",
      offsets: monthlyOffsets,
    },
    {
      ...review,
      key: "access-review",
      title: "Review of access rights",
      rrule: "FREQ=YEARLY;BYMONTH=1,4,7,10;BYMONTHDAY=15",
      roll: "following",
      offsets: rareOffsets,
    },
    {
      ...review,
      key: "risk-review",
      title: "Review of the risk register",
      rrule: "FREQ=YEARLY;BYMONTH=2,5,8,11;BYMONTHDAY=15",
      roll: "following",
      offsets: rareOffsets,
    },
    {
      ...review,
      key: "vendor-review",
      title: "Review of vendors",
      rrule: "FREQ=YEARLY;BYMONTH=3,6,9,12;BYMONTHDAY=15",
      roll: "following",
      offsets: rareOffsets,
    },
    {
      ...review,
      key: "penetration-test",
      title: "Penetration test",
      rrule: "FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=30",
      roll: "preceding",
      offsets: rareOffsets,
    },
    {
      ...review,
      key: "incident-tabletop",
      title: "Incident response exercise",
      rrule: "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=31",
      roll: "preceding",
      offsets: rareOffsets,
    },
    {
      ...review,
      key: "recovery-drill",
      title: "Disaster recovery drill",
      rrule: "FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=31",
      roll: "preceding",
      offsets: rareOffsets,
    },
    {
      ...review,
      key: "policy-sign-off",
      title: "Policies reviewed and signed off",
      rrule: "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=31",
      roll: "preceding",
      offsets: rareOffsets,
    },
    {
      ...review,
      key: "security-training",
      title: "Security training of everybody",
      rrule: "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=30",
      roll: "preceding",
      offsets: rareOffsets,
    },
  ],
};
