import { printCell, printNumber } from "./cell.ts";
import type { PrintedReport } from "./inputs.ts";

type Chart = NonNullable<PrintedReport["chart"]>;
type Column = PrintedReport["columns"][number];

/** What a chart draws: for each series one value, or none, per place on the x axis. */
export interface ChartData {
  readonly kind: Chart["kind"];
  readonly xs: readonly string[];
  readonly series: readonly Series[];
  readonly type: Column["type"];
  /** Lower and upper end of the y axis, and the steps between. */
  readonly ticks: readonly number[];
  /** The same in words, for those who cannot see it. */
  readonly alt: string;
}

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

const mostSeries = 8;

/** The chart of a report; `null` when it has none, or no numbers to draw. Pure. */
export function chartData({ title, columns, chart, rows }: PrintedReport): ChartData | null {
  if (!chart) return null;
  const column = (name: string) => columns.find((one) => one.name === name)!;
  const x = column(chart.x);
  const xs = [...new Set(rows.map((row) => printCell(row[chart.x], x.type)))].sort(
    x.type === "date" ? byText : () => 0,
  );
  const names = chart.series === undefined ? chart.y.map((y) => column(y).title) : seriesOf(rows, chart);
  const values = new Map(names.map((name) => [name, xs.map((): number | null => null)]));
  for (const row of rows) {
    const at = xs.indexOf(printCell(row[chart.x], x.type));
    for (const y of chart.y) {
      const cell = row[y];
      const name = chart.series === undefined ? column(y).title : printCell(row[chart.series], "text");
      const ofSeries = values.get(name) ?? values.get(others);
      if (typeof cell === "number" && ofSeries) ofSeries[at] = (ofSeries[at] ?? 0) + cell;
    }
  }
  const series = [...values].map(([name, ofSeries]) => ({ name, values: ofSeries }));
  const numbers = series.flatMap((one) => one.values.filter((value) => value !== null));
  if (numbers.length === 0) return null;
  const { type } = column(chart.y[0]!);
  const ticks = niceTicks(
    Math.min(0, ...numbers),
    Math.max(0, ...numbers),
    type === "integer" || type === "hundredths" ? 1 : 0,
  );
  const alt = describe(title, { kind: chart.kind, xs, series, type, xTitle: x.title });
  return { kind: chart.kind, xs, series, type, ticks, alt };
}

const others = "Others";

/** The values of the series column with the largest sums; the rest together, if there are more than can be told apart. */
function seriesOf(rows: PrintedReport["rows"], { series, y }: Chart): string[] {
  const sums = new Map<string, number>();
  for (const row of rows) {
    const name = printCell(row[series!], "text");
    const cell = row[y[0]!];
    sums.set(name, (sums.get(name) ?? 0) + (typeof cell === "number" ? Math.abs(cell) : 0));
  }
  const names = [...sums].sort(([a, x], [b, z]) => z - x || byText(a, b)).map(([name]) => name);
  return names.length <= mostSeries ? names : [...names.slice(0, mostSeries - 1), others];
}

/** About five round steps that hold both ends, none smaller than `least`: half an order is not to be counted. */
export function niceTicks(low: number, high: number, least: number): number[] {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const round = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => span / size <= 5)!;
  const step = Math.max(round, least);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function describe(
  title: string,
  { kind, xs, series, type, xTitle }: Pick<ChartData, "kind" | "xs" | "series" | "type"> & { readonly xTitle: string },
): string {
  const from = xs.length > 1 ? `${xs[0]} to ${xs.at(-1)}` : xs[0];
  const lines = series.map(({ name, values }) => {
    const known = values.flatMap((value, index) => (value === null ? [] : [{ value, at: xs[index] }]));
    if (known.length === 0) return `${name}: no values.`;
    const highest = known.reduce((a, b) => (b.value > a.value ? b : a));
    const lowest = known.reduce((a, b) => (b.value < a.value ? b : a));
    const say = ({ value, at }: (typeof known)[number]) => `${printNumber(value, type)} (${at})`;
    return `${name}: highest ${say(highest)}, lowest ${say(lowest)}.`;
  });
  return `${kind === "line" ? "Line" : "Bar"} chart: ${title}. ${xTitle} ${from}. ${lines.join(" ")}`;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
