/** A calendar quarter of UTC. Both ends ISO 8601; `until` is the first instant after it. */
export interface Quarter {
  readonly from: string;
  readonly until: string;
  readonly days: number;
}

/**
 * The last quarter that is over. The past, because a clock set by hand may not be ahead of that of Postgres, which jobs are
 * also told by.
 */
export function lastQuarter(now: Date): Quarter {
  const [year, quarter] = [now.getUTCFullYear(), Math.floor(now.getUTCMonth() / 3)];
  const from = Date.UTC(year, quarter * 3 - 3, 1);
  const until = Date.UTC(year, quarter * 3, 1);
  return {
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    days: (until - from) / 86_400_000,
  };
}
