import type { Log } from "#core/handler.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "./database.ts";

/** Something that is wrong with the house and that a person should see. Instants are ISO 8601 in UTC. */
export interface Incident {
  readonly id: string;
  /** What is wrong: a permanent snake_case code, e.g. `redis_lost`. */
  readonly kind: string;
  /** With what: `queue/<name>`, `redis`, `ledger`. */
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** How often it was seen since it opened. */
  readonly seen: number;
  readonly openedAt: string;
  readonly lastSeenAt: string;
  /** `null` while it goes on. */
  readonly closedAt: string | null;
}

export interface IncidentFilter {
  readonly state?: "open" | "closed" | undefined;
  readonly kind?: string | undefined;
  /** Ids below this one: the last id of the page before. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/**
 * What went wrong, while it goes on and afterwards. Of one kind and subject at most one incident is open: seeing it again
 * counts it and replaces its details. Any number of processes may report the same one. Opening and closing are logged at
 * level error, once each, so that an alert on the log needs no threshold.
 */
export class Incidents {
  readonly #database: Database;
  readonly #table: string;
  readonly #log: Log;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#table = `${database.schema}.incidents`;
    this.#log = log;
  }

  /**
   * Report what is wrong. `true`: it is new. Safe to repeat for as long as it goes on. With `runner`, as part of that
   * transaction.
   */
  async open(
    kind: string,
    subject: string,
    details: Readonly<Record<string, unknown>> = {},
    runner: SqlRunner = this.#database,
  ): Promise<boolean> {
    const { rows } = await runner.executeSql(
      `insert into ${this.#table} as i (kind, subject, details) values ($1, $2, $3)
       on conflict (kind, subject) where closed_at is null
       do update set details = excluded.details, seen = i.seen + 1, last_seen_at = now()
       returning i.seen = 1 as new`,
      [kind, subject, JSON.stringify(details)],
    );
    const isNew: boolean = rows[0]!.new;
    if (isNew) this.#log.error({ kind, subject, ...details }, "incident.opened");
    return isNew;
  }

  /** It is over; `details` are added to what is known. `false`: none was open. Safe to repeat. */
  async close(
    kind: string,
    subject: string,
    details: Readonly<Record<string, unknown>> = {},
    runner: SqlRunner = this.#database,
  ): Promise<boolean> {
    const { rows } = await runner.executeSql(
      `update ${this.#table} set closed_at = now(), details = details || $3::jsonb
       where kind = $1 and subject = $2 and closed_at is null
       returning (extract(epoch from now() - opened_at) * 1000)::float8 as lasted_ms`,
      [kind, subject, JSON.stringify(details)],
    );
    if (rows.length === 0) return false;
    this.#log.error({ kind, subject, lastedMs: Math.round(rows[0]!.lasted_ms), ...details }, "incident.closed");
    return true;
  }

  /** Newest first. */
  async list({ state, kind, before, limit }: IncidentFilter): Promise<readonly Incident[]> {
    const { rows } = await this.#database.executeSql(
      `select * from ${this.#table}
       where ($1::text is null or (closed_at is null) = ($1 = 'open')) and ($2::text is null or kind = $2)
         and ($3::bigint is null or id < $3)
       order by id desc limit $4`,
      [state ?? null, kind ?? null, before ?? null, limit],
    );
    return rows.map(toIncident);
  }

  /** How many are open, by kind. */
  async openByKind(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#database.executeSql(
      `select kind, count(*)::int as count from ${this.#table} where closed_at is null group by kind`,
    );
    return new Map(rows.map(({ kind, count }) => [kind, count]));
  }
}

function toIncident(row: SqlRow): Incident {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    details: row.details,
    seen: row.seen,
    openedAt: row.opened_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
    closedAt: row.closed_at?.toISOString() ?? null,
  };
}
