import type { SqlRunner } from "#core/sql.ts";

/** An answer as it was given. */
export interface StoredAnswer {
  readonly status: number;
  readonly location: string | null;
  /** JSON text: what is sent again is what was sent, to the byte. */
  readonly body: string;
}

/** What is known of a key: nothing, that its request is being answered right now, or its answer. */
export type KnownKey =
  | { readonly kind: "new" }
  | { readonly kind: "in-flight" }
  | { readonly kind: "answered"; readonly fingerprint: Buffer; readonly answer: StoredAnswer };

/**
 * First answers by the Idempotency-Key of their request, for as long as they are kept. A key is claimed by a lock that its
 * transaction holds, not by a row: whoever crashes lets go of it, and what it wrote never was.
 */
export class IdempotencyKeys {
  readonly #table: string;

  constructor(schema: string) {
    this.#table = `${schema}.idempotency_keys`;
  }

  /** Claim a key for the transaction of `runner`, unless it is claimed or answered. */
  async claim(runner: SqlRunner, tenant: string, key: string): Promise<KnownKey> {
    const lock = JSON.stringify([this.#table, tenant, key]);
    const claimed = await runner.executeSql("select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as ours", [
      lock,
    ]);
    if (!claimed.rows[0]!.ours) return { kind: "in-flight" };
    // A statement of its own: its snapshot must be younger than the lock, or it would not see what the last holder wrote.
    const { rows } = await runner.executeSql(
      `select fingerprint, status, location, body::text as body from ${this.#table}
       where tenant = $1 and key = $2 and expires_at > now()`,
      [tenant, key],
    );
    if (!rows[0]) return { kind: "new" };
    const { fingerprint, ...answer } = rows[0];
    return { kind: "answered", fingerprint, answer: answer as StoredAnswer };
  }

  /** Keep the answer, in the transaction that claimed the key. An answer that has expired is replaced. */
  async keep(
    runner: SqlRunner,
    kept: {
      readonly tenant: string;
      readonly key: string;
      readonly fingerprint: Buffer;
      readonly answer: StoredAnswer;
      readonly keepMs: number;
    },
  ): Promise<void> {
    const { tenant, key, fingerprint, answer, keepMs } = kept;
    await runner.executeSql(
      `insert into ${this.#table} (tenant, key, fingerprint, status, location, body, expires_at)
       values ($1, $2, $3, $4, $5, $6::json, now() + $7 * interval '1 millisecond')
       on conflict (tenant, key) do update set fingerprint = excluded.fingerprint, status = excluded.status,
         location = excluded.location, body = excluded.body, created_at = now(), expires_at = excluded.expires_at`,
      [tenant, key, fingerprint, answer.status, answer.location, answer.body, keepMs],
    );
  }
}
