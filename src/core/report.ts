import type { z } from "zod";
import { days, hours, minutes, seconds } from "./duration.ts";
import { namePattern } from "./queue.ts";
import type { SqlRow } from "./sql.ts";

/** What a reader may hold. A report lists those it is computed for; each gets a result of its own. */
export const reportPermissions = ["read", "operate"] as const;
export type ReportPermission = (typeof reportPermissions)[number];

/**
 * What the cells of a column hold, and how they are printed. `text`; `date`: `YYYY-MM-DD` or `YYYY-MM`; `integer`; `decimal`;
 * `hundredths`: an integer of hundredths of a unit, such as cents or paise; `percent`: 0 to 100; `milliseconds`; `bytes`.
 */
export type ReportColumnType =
  | "text"
  | "date"
  | "integer"
  | "decimal"
  | "hundredths"
  | "percent"
  | "milliseconds"
  | "bytes";

export interface ReportColumn {
  /** Field of a row. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly type: ReportColumnType;
}

/** How a report is drawn: `y` over `x`; with `series`, one line or bar colour per value of that column (then one `y`). */
export interface ReportChart {
  readonly kind: "bar" | "line";
  readonly x: string;
  readonly y: readonly string[];
  readonly series?: string;
}

export type ReportCell = string | number | boolean | null;
export type ReportRow = Readonly<Record<string, ReportCell>>;

/** What a computation is given. */
export interface ReportContext {
  readonly tenant: string;
  readonly permission: ReportPermission;
  /** Postgres schema of Nightshift's tables; safe to put into a statement. */
  readonly schema: string;
  /** Instant of the transaction: what the answer says it is true of. */
  readonly asOf: Date;
  /**
   * One statement in the read-only transaction. `$1` is always the tenant, `$2` the first of `values`: a statement that does
   * not name `$1` is refused by Postgres, so none can forget whose rows it reads.
   */
  query(text: string, values?: readonly unknown[]): Promise<readonly SqlRow[]>;
}

/** A question that is asked often and answered from a stored result. Light: it imports no heavy library. */
export interface ReportDefinition<Params extends z.ZodObject = z.ZodObject> {
  /** `[a-z0-9.-]`: the last part of its address. */
  readonly name: string;
  readonly title: string;
  /** One sentence for `GET /v1/reports`. */
  readonly summary: string;
  /** Counts up when the same rows of the database would give another answer: older results are not served any more. */
  readonly version: number;
  /**
   * Strict, and at rest with itself: what it puts out must parse to itself. Values come as text from a query string, so
   * numbers are coerced. Defaults are part of the key, and must not depend on the clock.
   */
  readonly params: Params;
  /** Weakest first. A reader gets the result of the strongest one they hold; who holds none is refused. */
  readonly permissions: readonly ReportPermission[];
  readonly columns: readonly ReportColumn[];
  readonly chart?: ReportChart;
  /** How long a result is fresh. */
  readonly ttlMs: number;
  /** How much longer it is served, marked as stale, while a new one is computed. */
  readonly staleMs: number;
  /** Longest run of one statement. */
  readonly statementTimeoutMs: number;
  /** What makes a result stale at once when it is invalidated, besides `report:<name>`. */
  tags(params: z.output<Params>): readonly string[];
  /** Read, and answer with rows whose fields are the columns. Runs in a transaction that cannot write. */
  compute(params: z.output<Params>, context: ReportContext): Promise<readonly ReportRow[]>;
}

/** What a declaration may leave out, and then is. */
const defaults = {
  permissions: ["read"],
  ttlMs: hours(6),
  staleMs: hours(18),
  statementTimeoutMs: seconds(30),
  tags: (): readonly string[] => [],
} as const;
type Defaults = keyof typeof defaults;

/** Query parameters that are the route's own. */
export const reservedParams = ["format", "wait", "stale"] as const;
/** Addresses below /v1/reports that are not reports. */
const reservedNames: readonly string[] = ["plan", "invalidations", "recipients"];

/** What a tag looks like. */
export const tagPattern = /^[a-z0-9][a-z0-9._:/-]{0,79}$/;

const longest = { ttlMs: days(31), staleMs: days(31), statementTimeoutMs: minutes(4) };

/** Declare a report. Throws a RangeError that says what cannot work. */
export function defineReport<Params extends z.ZodObject>(
  report: Omit<ReportDefinition<Params>, Defaults> & Partial<Pick<ReportDefinition<Params>, Defaults>>,
): ReportDefinition<Params> {
  const made: ReportDefinition<Params> = { ...defaults, ...report };
  const refuse = (what: string): never => {
    throw new RangeError(`Report "${made.name}": expected ${what}`);
  };
  if (!namePattern.test(made.name) || reservedNames.includes(made.name)) refuse(`a name of its own in ${namePattern}`);
  if (!Number.isInteger(made.version) || made.version < 1) refuse(`an integer version ≥ 1, found ${made.version}`);
  if (made.permissions.length === 0) refuse("at least one permission");
  for (const knob of ["ttlMs", "staleMs", "statementTimeoutMs"] as const)
    if (!(made[knob] > 0 && made[knob] <= longest[knob]))
      refuse(`${knob} from 1 to ${longest[knob]} ms, found ${made[knob]}`);
  const taken = reservedParams.filter((name) => name in made.params.shape);
  if (taken.length > 0) refuse(`no parameter named ${taken.join(", ")}: the route has those`);
  const names = made.columns.map(({ name }) => name);
  if (names.length === 0 || new Set(names).size < names.length) refuse("columns, each with a name of its own");
  const { chart } = made;
  const drawn = chart ? [chart.x, ...chart.y, ...(chart.series === undefined ? [] : [chart.series])] : [];
  const unknown = drawn.filter((name) => !names.includes(name));
  if (unknown.length > 0) refuse(`a chart of its columns, found ${unknown.join(", ")}`);
  if (chart && (chart.y.length === 0 || (chart.series !== undefined && chart.y.length > 1)))
    refuse("a chart of one y with series, or of several without");
  return made;
}
