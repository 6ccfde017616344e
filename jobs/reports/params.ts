import { z } from "zod";

/** Where days and months begin. */
export const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, { message: "Expected a time zone such as Asia/Kolkata", params: { code: "unknown_time_zone" } })
  .default("UTC")
  .describe("IANA name of the zone whose days and months are meant.");

const longestDays = 366;

/** A period of calendar days, both included. */
export const period = {
  from: z.iso.date({ abort: true }).describe("First day."),
  to: z.iso.date({ abort: true }).describe(`Last day, at most ${longestDays} days from the first.`),
};

/** For `superRefine` of parameters with a period. */
export function checkPeriod({ from, to }: { from: string; to: string }, issues: z.RefinementCtx): void {
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
  if (days < 1)
    issues.addIssue({
      code: "custom",
      path: ["to"],
      message: "Expected a day on or after `from`",
      params: { code: "date_too_early" },
    });
  if (days > longestDays)
    issues.addIssue({
      code: "custom",
      path: ["to"],
      message: `Expected at most ${longestDays} days`,
      params: { code: "period_too_long" },
    });
}

function isTimeZone(name: string): boolean {
  try {
    // Offsets such as +05:30 mean the opposite to Postgres.
    return /^[A-Za-z]/.test(name) && Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
