import type { Database } from "./database.ts";

/**
 * Rows per delete: long enough to be worth a commit, short enough that no lock is held for long. Vacuum then reuses the
 * space: the table stays as large as its retention needs, and no rewrite is ever due.
 */
export const batchSize = 2_000;

/** Delete rows of a table that meet a condition, batch after batch, and say how many. */
export async function deleteWhere(
  database: Database,
  signal: AbortSignal,
  table: string,
  condition: string,
  values: readonly unknown[] = [],
): Promise<number> {
  const name = `${database.schema}.${table}`;
  return untilNotFull(signal, batchSize, async () => {
    const { rows } = await database.executeSql(
      `with gone as (
         delete from ${name} where ctid = any(array(select ctid from ${name} o where ${condition} limit ${batchSize})) returning 1
       ) select count(*)::int as count from gone`,
      [...values],
    );
    return rows[0]!.count;
  });
}

/** Repeat a batch until one is not full; the sum of all. Rejects with the signal's reason between two of them. */
export async function untilNotFull(signal: AbortSignal, size: number, batch: () => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    signal.throwIfAborted();
    const count = await batch();
    total += count;
    if (count < size) return total;
  }
}
