/** A line of the verdict: what, how many, and what that means. */
export type Row = readonly [what: string, count: string, note: string];

/** What one look at the evidence found. */
export interface Check {
  readonly rows: readonly Row[];
  /** What breaks a promise, a sentence each. */
  readonly broken: readonly string[];
  /** Ids of jobs that went wrong, or are worth a look. */
  readonly suspects: readonly string[];
}

export type Counts = Readonly<Record<string, number>>;

export function countBy<One>(things: readonly One[], key: (one: One) => string): Counts {
  return Object.fromEntries([...Map.groupBy(things, key)].map(([name, group]) => [name, group.length]));
}

/** `3 lost, 1 released`, or `none`. */
export function list(counts: Counts): string {
  const entries = Object.entries(counts).filter(([, count]) => count > 0);
  return entries.map(([name, count]) => `${count} ${name}`).join(", ") || "none";
}

/** A sentence for each of the things that are not as they must be. */
export function sentences(...wrongs: readonly (readonly [count: number, rest: string])[]): readonly string[] {
  return wrongs.filter(([count]) => count > 0).map(([count, rest]) => `${count} ${rest}`);
}
