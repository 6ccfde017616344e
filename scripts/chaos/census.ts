import { readFileSync } from "node:fs";
import type { SqlRow } from "#core/sql.ts";
import { Books } from "../../src/ledger/books.ts";
import type { Database } from "../../src/ledger/database.ts";
import type { Commit, Evidence, LedgerBatch, LedgerJob, LedgerStep } from "./evidence.ts";

type Census = Pick<Evidence, "jobs" | "steps" | "batches" | "commits" | "missing" | "incidents">;

/** Where handlers write through `ctx.commit`. */
export const commitsTable = `
  create schema chaos;
  create table chaos.commits (
    job_id uuid not null, run text not null, attempt integer not null, attempt_in_ledger integer not null
  )`;

/** Everything that Postgres knows about the jobs of the run. */
export async function takeCensus(database: Database, tenant: string): Promise<Census> {
  const { schema } = database;
  const read = async <One>(text: string) => (await database.executeSql(text, [tenant])).rows as unknown as One[];
  const epochMs = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;
  const jobs = await read<SqlRow>(
    `select id, job, queue, state, attempt, attempts, result, correlation_id as "correlationId",
       parent_id as "parentId", batch_id as "batchId",
       ${epochMs("accepted_at")} as "acceptedAt", ${epochMs("finished_at")} as "finishedAt"
     from ${schema}.jobs where tenant = $1 order by id`,
  );
  const books = await new Books(database).read();
  return {
    jobs: jobs.map(toJob),
    steps: await read<LedgerStep>(
      `select s.job_id as "jobId", s.name, s.attempt, s.value from ${schema}.steps s
       join ${schema}.jobs j on j.id = s.job_id where j.tenant = $1`,
    ),
    batches: await read<LedgerBatch>(
      `select id, total, counts, finished_at is not null as "isFinished" from ${schema}.batches where tenant = $1`,
    ),
    commits: await read<Commit>(
      `select c.job_id as "jobId", c.run, c.attempt, c.attempt_in_ledger as "attemptInLedger" from chaos.commits c
       join ${schema}.jobs j on j.id = c.job_id where j.tenant = $1`,
    ),
    missing: books.filter((line) => line.tenant === tenant).reduce((sum, line) => sum + Math.abs(line.missing), 0),
    incidents: (await database
      .executeSql(
        `select kind, count(*)::int as count, (count(*) filter (where closed_at is null))::int as open
         from ${schema}.incidents group by kind order by kind`,
      )
      .then(({ rows }) => rows)) as Census["incidents"],
  };
}

function toJob(row: SqlRow): LedgerJob {
  const attempts = row.attempts.map((attempt: Record<string, string>) => ({
    ...attempt,
    startedAt: Date.parse(attempt.startedAt!),
    finishedAt: Date.parse(attempt.finishedAt!),
  }));
  return { ...(row as LedgerJob), attempts };
}

/** How many jobs or batches have not ended; rejects while Postgres is away. */
export async function countOpen(database: Database, tenant: string): Promise<number> {
  const { rows } = await database.executeSql(
    `select (select count(*) from ${database.schema}.jobs where tenant = $1 and finished_at is null)::int
       + (select count(*) from ${database.schema}.batches where tenant = $1 and finished_at is null)::int as open`,
    [tenant],
  );
  return rows[0]!.open;
}

/** How often the processes logged an event. A line cut short by a kill is none. */
export function countLogged(files: readonly string[], event: string): number {
  const mark = `"msg":"${event}"}`;
  return files.flatMap((file) => readFileSync(file, "utf8").split("\n")).filter((line) => line.endsWith(mark)).length;
}
