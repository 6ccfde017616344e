import { NightshiftError } from "#core/errors.ts";
import type { ReportPlace } from "#core/report-key.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";
import type { Looked } from "./cache.ts";
import type { Copy, Failure } from "./copy.ts";

/** Weight of a computation in the running mean of what a question costs. */
const newestWeight = 0.3;

/** The lease under which a result was computed is no longer the newest: somebody else computes, or has. */
export class ReportLeaseLost extends NightshiftError {
  readonly code = "report_lease_lost";

  constructor() {
    super("Expected to hold the newest lease on this report, found a newer one: nothing was stored");
  }
}

/** What the planner knows of a question. */
export interface KnownCost {
  /** `null`: never computed. */
  readonly costMs: number | null;
  readonly asOf: number | null;
  readonly failedAt: number | null;
  readonly invalidatedAt: number;
  readonly leased: boolean;
}

/**
 * The last good result of every question, in Postgres, and who computes the next one. A lease is a number that only grows
 * (`fence`); a result is stored only under the newest, so that a computation that was thought dead cannot overwrite a
 * later one. Every statement names the tenant.
 */
export class ReportResults {
  readonly #database: Database;
  readonly #table: string;
  readonly #invalidations: string;

  constructor(database: Database) {
    this.#database = database;
    this.#table = `${database.schema}.report_results`;
    this.#invalidations = `${database.schema}.report_invalidations`;
  }

  async find({ tenant, key, tags }: ReportPlace): Promise<Looked> {
    const { rows } = await this.#database.executeSql(
      `select r.*, i.invalidated_at
       from (select max(invalidated_at) as invalidated_at from ${this.#invalidations}
             where tenant = $1 and tag = any($3)) i
       left join ${this.#table} r on r.tenant = $1 and r.key = $2`,
      [tenant, key, tags],
    );
    const row = rows[0]!;
    return { copy: toCopy(row), failure: toFailure(row), invalidatedAt: row.invalidated_at?.getTime() ?? 0 };
  }

  /**
   * A lease for `leaseMs`; `null` while another holder has one. Who holds it already gets a newer one: an attempt whose
   * predecessor under the same job died need not wait.
   */
  async lease(place: ReportPlace, holder: string, leaseMs: number): Promise<number | null> {
    const { tenant, key, report, permission, canonical } = place;
    const { rows } = await this.#database.executeSql(
      `insert into ${this.#table} as r
         (tenant, key, report, version, permission, params, fence, lease_holder, lease_until)
       values ($1, $2, $3, $4, $5, $6, 1, $7, now() + $8 * interval '1 millisecond')
       on conflict (tenant, key) do update set fence = r.fence + 1, lease_holder = excluded.lease_holder,
         lease_until = excluded.lease_until, touched_at = now()
       where r.lease_until is null or r.lease_until < now() or r.lease_holder = excluded.lease_holder
       returning fence::float8`,
      [tenant, key, report.name, report.version, permission, canonical, holder, leaseMs],
    );
    return rows[0]?.fence ?? null;
  }

  /** `false`: a newer lease was given out. */
  async renew({ tenant, key }: ReportPlace, fence: number, leaseMs: number): Promise<boolean> {
    const { rows } = await this.#database.executeSql(
      `update ${this.#table} set lease_until = now() + $4 * interval '1 millisecond'
       where tenant = $1 and key = $2 and fence = $3 returning 1`,
      [tenant, key, fence, leaseMs],
    );
    return rows.length > 0;
  }

  /** Give a lease back. A newer one is left alone. */
  async release({ tenant, key }: ReportPlace, fence: number): Promise<void> {
    await this.#database.executeSql(
      `update ${this.#table} set lease_holder = null, lease_until = null where tenant = $1 and key = $2 and fence = $3`,
      [tenant, key, fence],
    );
  }

  /** Store a result and give its lease back. Rejects with ReportLeaseLost when a newer lease was given out. */
  async store(sql: SqlRunner, { tenant, key }: ReportPlace, copy: Copy): Promise<void> {
    const { rows } = await sql.executeSql(
      `update ${this.#table} set body = $4, gzip = $5, etag = $6, body_fence = $3, as_of = $7, row_count = $8,
         cost_ms = coalesce(cost_ms * ${1 - newestWeight} + $9 * ${newestWeight}, $9), computations = computations + 1,
         failed_at = null, failure = null, lease_holder = null, lease_until = null, touched_at = now()
       where tenant = $1 and key = $2 and fence = $3 returning 1`,
      [tenant, key, copy.fence, copy.body, copy.gzip, copy.etag, new Date(copy.asOf), copy.rowCount, copy.costMs],
    );
    if (rows.length === 0) throw new ReportLeaseLost();
  }

  /** The computation under this lease failed. A newer one is left alone. */
  async storeFailure({ tenant, key }: ReportPlace, fence: number, code: string): Promise<Failure | null> {
    const { rows } = await this.#database.executeSql(
      `update ${this.#table} set failed_at = now(), failure = $4, lease_holder = null, lease_until = null, touched_at = now()
       where tenant = $1 and key = $2 and fence = $3 returning failed_at, failure`,
      [tenant, key, fence, code],
    );
    return rows[0] ? toFailure(rows[0]) : null;
  }

  /** Invalidate tags now; answers that instant, ms. */
  async invalidate(tenant: string, tags: readonly string[]): Promise<number> {
    const { rows } = await this.#database.executeSql(
      `insert into ${this.#invalidations} as i (tenant, tag, invalidated_at)
       select $1, tag, clock_timestamp() from (select distinct unnest($2::text[]) as tag order by 1) t
       on conflict (tenant, tag) do update
         set invalidated_at = greatest(i.invalidated_at, excluded.invalidated_at)
       returning invalidated_at`,
      [tenant, tags],
    );
    return Math.max(...rows.map(({ invalidated_at }) => invalidated_at.getTime()));
  }

  /** Invalidations of the last `withinMs`, by tenant. */
  async invalidations(withinMs: number): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
    const { rows } = await this.#database.executeSql(
      `select tenant, tag, invalidated_at from ${this.#invalidations}
       where invalidated_at > now() - $1 * interval '1 millisecond'`,
      [withinMs],
    );
    const byTenant = new Map<string, Map<string, number>>();
    for (const { tenant, tag, invalidated_at } of rows) {
      const known = byTenant.get(tenant) ?? new Map();
      byTenant.set(tenant, known.set(tag, invalidated_at.getTime()));
    }
    return byTenant;
  }

  /** What is known of these questions, in their order. */
  async costs(places: readonly ReportPlace[]): Promise<readonly KnownCost[]> {
    const { rows } = await this.#database.executeSql(
      `select r.cost_ms, r.as_of, r.failed_at, coalesce(r.lease_until > now(), false) as leased,
         (select max(invalidated_at) from ${this.#invalidations} i
          where i.tenant = q.tenant and i.tag in (select json_array_elements_text(q.tags))) as invalidated_at
       from unnest($1::text[], $2::text[], $3::json[]) with ordinality as q (tenant, key, tags, place)
       left join ${this.#table} r on r.tenant = q.tenant and r.key = q.key
       order by q.place`,
      [
        places.map(({ tenant }) => tenant),
        places.map(({ key }) => key),
        places.map(({ tags }) => JSON.stringify(tags)),
      ],
    );
    return rows.map((row) => ({
      costMs: row.cost_ms,
      asOf: row.as_of?.getTime() ?? null,
      failedAt: row.failed_at?.getTime() ?? null,
      invalidatedAt: row.invalidated_at?.getTime() ?? 0,
      leased: row.leased,
    }));
  }
}

function toCopy(row: SqlRow): Copy | null {
  if (!row.body) return null;
  const { body, etag, gzip } = row;
  const [fence, asOf] = [Number(row.body_fence), row.as_of.getTime()];
  return { fence, asOf, etag, gzip, body, rowCount: row.row_count, costMs: row.cost_ms };
}

function toFailure({ failure, failed_at }: SqlRow): Failure | null {
  return failure ? { code: failure, at: failed_at.getTime() } : null;
}
