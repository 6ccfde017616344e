/** A quantity over the rounds of a run. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Throws a RangeError for an empty list or a value that is no number: a table with holes would look like a result. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0 || !values.every(Number.isFinite))
    throw new RangeError(`Expected at least one finite value, found [${values.join(", ")}]`);
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) };
}

/** Round by round, so that what slowed the machine in one round slowed both sides. */
export function ratio(ours: readonly number[], theirs: readonly number[]): Spread {
  return spread(ours.map((value, round) => value / theirs[round]!));
}

/** The `q`-quantile (0 to 1), interpolated between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)]!;
  const above = sorted[Math.ceil(place)]!;
  return below + (above - below) * (place - Math.floor(place));
}
