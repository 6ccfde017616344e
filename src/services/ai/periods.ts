import type { BudgetPeriod } from "#core/ai-budgets.ts";

/** First day of the period that `at` lies in, in UTC, as ISO 8601. */
export function startOf(period: BudgetPeriod, at: Date): string {
  const day = at.toISOString().slice(0, 10);
  return period === "day" ? day : `${day.slice(0, 7)}-01`;
}

/** The instant at which the period that `at` lies in ends. */
export function endOf(period: BudgetPeriod, at: Date): Date {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  return new Date(period === "day" ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1));
}
