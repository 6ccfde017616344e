import { NightshiftError } from "#core/errors.ts";
import type { ReportCell, ReportDefinition, ReportRow } from "#core/report.ts";
import type { ReportPlace } from "#core/report-key.ts";
import { unstorable } from "#core/storable.ts";
import { type Database, isConnectionError, isTimeout, mayHaveCommitted } from "../ledger/database.ts";

/** Why a computation failed, free of its statement: what Postgres said of it is in the worker's log at level debug. */
export class ReportFailed extends NightshiftError {
  readonly code: "report_failed" | "report_timed_out" | "report_malformed";
  override readonly permanent: boolean;

  /** `permanent`: the same statements will fail again. */
  constructor(code: ReportFailed["code"], message: string, permanent: boolean, details: Record<string, unknown> = {}) {
    super(message, details);
    this.code = code;
    this.permanent = permanent;
  }
}

/** What a computation found. */
export interface Computed {
  readonly rows: readonly ReportRow[];
  /** Instant of the transaction, by the clock of Postgres. */
  readonly asOf: Date;
  readonly tookMs: number;
}

/**
 * Run a report's `compute` in a transaction that cannot write, sees one instant, gives up a statement that takes too long,
 * and is bound to the tenant: `$1` of every statement, and `nightshift.tenant` for policies of tables that have them. An
 * aborted `signal` cancels what runs. Rejects with ReportFailed, the signal's reason, or a connection error.
 */
export async function compute(database: Database, place: ReportPlace, signal: AbortSignal): Promise<Computed> {
  const { report, params, tenant, permission } = place;
  const startedAt = performance.now();
  try {
    return await database.transaction(async (client) => {
      await client.query("set transaction isolation level repeatable read, read only");
      const { rows: begun } = await client.query(
        `select now() as as_of, pg_backend_pid() as pid, set_config('statement_timeout', $1, true),
           set_config('nightshift.tenant', $2, true)`,
        [String(report.statementTimeoutMs), tenant],
      );
      const { as_of: asOf, pid } = begun[0]!;
      const cancel = cancelOn(signal, database, pid);
      try {
        signal.throwIfAborted();
        const found = await report.compute(params, {
          tenant,
          permission,
          schema: database.schema,
          asOf,
          query: async (text, values = []) => (await client.query(text, [tenant, ...values])).rows,
        });
        return { rows: toRows(report, found), asOf, tookMs: Math.round(performance.now() - startedAt) };
      } finally {
        await cancel.over(); // before the connection is lent to the next
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    throw toFailure(error, report);
  }
}

/**
 * Cancel what runs on a connection when the signal aborts; over another connection, which names the first by its process. What
 * is on its way must be answered before anybody else gets the first one, or it stops a stranger's statement: `over` waits for
 * that, and rejects when the answer was lost, so that the connection is closed.
 */
function cancelOn(signal: AbortSignal, database: Database, pid: number): { over(): Promise<void> } {
  let lost: Promise<unknown> = Promise.resolve();
  const cancel = () => {
    lost = database.executeSql("select pg_cancel_backend($1)", [pid]).then(
      () => undefined,
      (error) => (mayHaveCommitted(error) ? error : undefined), // one that was not sent, or was refused, stops nobody
    );
  };
  signal.addEventListener("abort", cancel, { once: true });
  return {
    async over() {
      signal.removeEventListener("abort", cancel);
      const error = await lost;
      if (error) throw error;
    },
  };
}

/** The columns of each row, and nothing besides. Throws ReportFailed for what JSON or a cell cannot hold. */
function toRows({ columns }: ReportDefinition, found: readonly ReportRow[]): ReportRow[] {
  return found.map((row, index) => {
    const cells = columns.map(({ name }) => [name, row[name] ?? null] as const);
    for (const [name, cell] of cells)
      if (!isCell(cell) || unstorable(cell, "").length > 0)
        throw new ReportFailed(
          "report_malformed",
          `Expected text, a finite number, true, false or null in row ${index}, column "${name}", found another value`,
          true,
        );
    return Object.fromEntries(cells);
  });
}

function isCell(value: unknown): value is ReportCell {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** SQLSTATE classes of what a passing state of the server explains: everything else a statement does again. */
const passing = /^(40|53|55|57|58|XX)/;
/** Protocol violation: a statement that does not name the tenant was given it all the same. */
const unbound = "08P01";

function toFailure(error: unknown, { name, statementTimeoutMs }: ReportDefinition): unknown {
  if (error instanceof NightshiftError) return error;
  if (isTimeout(error) && (error as { code?: string }).code === "57014")
    return new ReportFailed(
      "report_timed_out",
      `Expected each statement of report "${name}" to end within ${statementTimeoutMs} ms, one did not`,
      true,
    );
  const { code: sqlState } = (error ?? {}) as { code?: unknown };
  if (isConnectionError(error) && sqlState !== unbound) return error;
  const known = typeof sqlState === "string" && /^[0-9A-Z]{5}$/.test(sqlState);
  return new ReportFailed(
    "report_failed",
    `Report "${name}" could not be computed${known ? ` (SQLSTATE ${sqlState})` : ""}`,
    known && !passing.test(sqlState),
    { report: name, ...(known && { sqlState }) },
  );
}
