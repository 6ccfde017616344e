/** One row of an answer; its columns are typed where it is read. */
// biome-ignore lint/suspicious/noExplicitAny: a driver cannot know the columns of a statement
export type SqlRow = Record<string, any>;

/**
 * Anything that can run one statement: our pool, one of its clients, or an adapter of the caller's transaction. The shape
 * is pg-boss's, whose adapters for Kysely, Drizzle, Knex and Prisma therefore fit.
 */
export interface SqlRunner {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: SqlRow[] }>;
}
