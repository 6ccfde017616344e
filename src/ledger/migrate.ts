import { hours } from "#core/duration.ts";
import type { Database } from "./database.ts";
import * as jobs from "./migrations/0001-jobs.ts";
import * as documents from "./migrations/0002-documents.ts";
import * as access from "./migrations/0003-access.ts";
import * as reliability from "./migrations/0004-reliability.ts";
import * as deduplication from "./migrations/0005-deduplication.ts";
import * as reconciliation from "./migrations/0006-reconciliation.ts";
import * as retention from "./migrations/0007-retention.ts";
import * as schedules from "./migrations/0008-schedules.ts";
import * as reminders from "./migrations/0009-reminders.ts";
import * as reports from "./migrations/0010-reports.ts";
import * as ai from "./migrations/0011-ai.ts";
import * as reportRecipients from "./migrations/0012-report-recipients.ts";
import * as recordRetention from "./migrations/0013-record-retention.ts";
import * as passedOccurrences from "./migrations/0014-passed-occurrences.ts";
import * as hotUpdates from "./migrations/0015-hot-updates.ts";

/** In order, never edited once released: a change is a new file. */
const migrations: ReadonlyArray<{ readonly name: string; readonly up: (schema: string) => string }> = [
  { name: "0001-jobs", up: jobs.up },
  { name: "0002-documents", up: documents.up },
  { name: "0003-access", up: access.up },
  { name: "0004-reliability", up: reliability.up },
  { name: "0005-deduplication", up: deduplication.up },
  { name: "0006-reconciliation", up: reconciliation.up },
  { name: "0007-retention", up: retention.up },
  { name: "0008-schedules", up: schedules.up },
  { name: "0009-reminders", up: reminders.up },
  { name: "0010-reports", up: reports.up },
  { name: "0011-ai", up: ai.up },
  { name: "0012-report-recipients", up: reportRecipients.up },
  { name: "0013-record-retention", up: recordRetention.up },
  { name: "0014-passed-occurrences", up: passedOccurrences.up },
  { name: "0015-hot-updates", up: hotUpdates.up },
];

/**
 * Bring the schema to the newest version and say which migrations ran. Any number of processes may call it at once: an
 * advisory lock lets one work while the others wait. Each migration commits together with its record.
 */
export async function migrate(database: Database): Promise<readonly string[]> {
  const { schema } = database;
  const client = await database.pool.connect();
  const applied: string[] = [];
  try {
    await client.query({
      ...unhurried("select pg_advisory_lock(hashtextextended($1, 0))"),
      values: [`nightshift/migrate/${schema}`],
    });
    await client.query(`create schema if not exists ${schema}`);
    await client.query(
      `create table if not exists ${schema}.migrations (name text primary key, applied_at timestamptz not null default now())`,
    );
    const done = await client.query<{ name: string }>(`select name from ${schema}.migrations`);
    const known = new Set(done.rows.map((row) => row.name));
    for (const { name, up } of migrations.filter((migration) => !known.has(migration.name))) {
      await client.query("begin");
      try {
        await client.query(unhurried(up(schema)));
        await client.query(`insert into ${schema}.migrations (name) values ($1)`, [name]);
        await client.query("commit");
      } catch (error) {
        await client.query("rollback");
        throw new Error(`Migration ${name} failed and was rolled back; the schema is at the one before it`, {
          cause: error,
        });
      }
      applied.push(name);
    }
  } finally {
    // Closing the connection also gives the advisory lock back, whatever state the session is in.
    client.release(true);
  }
  return applied;
}

/** True when every migration this release knows has run. */
export async function isMigrated(database: Database): Promise<boolean> {
  const found = await database.executeSql("select to_regclass($1) as relation", [`${database.schema}.migrations`]);
  if (!found.rows[0]?.relation) return false;
  const done = await database.executeSql(`select count(*)::int as count from ${database.schema}.migrations`);
  return done.rows[0]!.count >= migrations.length;
}

/** A migration of a large table, or the wait for another process's, takes as long as it takes. */
function unhurried(text: string): { text: string } {
  return { text, query_timeout: hours(12) } as { text: string };
}
