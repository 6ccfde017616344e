import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { datesOf, problemsOfRule } from "../../src/reminders/recurrence.ts";
import { type DateRule, dateRules } from "./date-rules.ts";
import { exceptions } from "./exceptions.ts";
import { first, last, theirs } from "./oracle.ts";

/** A leap day, the last day of a year, that of a long month before a short one, and one in the last week of the year before. */
const starts = ["2024-02-29", "2024-12-31", "2025-08-31", "2027-01-01"];

const ours = (rrule: string, from: string) => datesOf({ rrule, from, except: [] }, first, last);

/** RFC 7529 does not say where a day before the first of its month goes. */
const isRefused = ({ parts }: DateRule) => /BACKWARD|FORWARD/.test(parts.SKIP ?? "") && parts.BYMONTHDAY === "-31";

describe(`from ${first} to ${last} a rule on dates occurs when rrule-temporal, or the RFC against it, says so`, () => {
  for (const [name, rules] of Object.entries(dateRules))
    test(`${rules.length} rules: ${name}`, { timeout: 300_000 }, () => {
      let compared = 0;
      for (const [index, rule] of rules.entries()) {
        if (isRefused(rule)) {
          assert.equal(problemsOfRule(rule.text, "")[0]?.code, "rule_unsupported", rule.text);
          continue;
        }
        const from = starts[(index + Math.floor(index / 12)) % 4]!; // each part with each of them, though not each rule
        const exception = exceptions.find((one) => one.applies(rule, from));
        const expected = exception ? exception.instead(rule, from) : theirs(rule.text, from);
        const which = `${rule.text} from ${from}${exception ? `: ${exception.name}` : ""}`;
        assert.deepEqual(ours(rule.text, from), expected, which);
        compared += expected.length;
      }
      assert.ok(compared > rules.length, `${compared} occurrences compared`);
    });
});

describe("where rrule-temporal is not followed", () => {
  for (const { name, reason, applies, instead, shown } of exceptions)
    test(`${name}. ${reason}`, () => {
      const { rule: text, from, days } = shown;
      const parts = Object.fromEntries(text.split(";").map((part) => part.split("=") as [string, string]));
      assert.ok(applies({ text, parts }, from));
      assert.deepEqual(ours(text, from).slice(0, days.length), days);
      assert.deepEqual(instead({ text, parts }, from).slice(0, days.length), days);
      assert.notDeepEqual(theirs(text, from).slice(0, days.length), days, "it is mended: take the exception out");
    });
});
