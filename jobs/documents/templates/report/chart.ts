import { ink, Sheet, type Style } from "../../sheet.ts";
import { printNumber } from "./cell.ts";
import type { ChartData } from "./chart-data.ts";

/** Told apart in print and by most readers who see few colours (Okabe and Ito, 2008). */
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5f6770", "#8c6d1f"] as const;

const small: Style = { size: 7.5, color: ink.muted };
const label: Style = { size: 8 };
export const chartHeight = 205;
const mostLabels = 12;

interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Draw a chart from the sheet's `y` downwards, as vectors, with its description as alternate text. */
export function drawChart(sheet: Sheet, data: ChartData): void {
  const top = sheet.y;
  sheet.figure(data.alt, () => {
    const frame = {
      left: sheet.left + 58,
      right: sheet.right - 4,
      top: drawLegend(sheet, data, top) + 6,
      bottom: top + chartHeight - 22,
    };
    drawAxes(sheet, data, frame);
    if (data.kind === "line") drawLines(sheet, data, frame);
    else drawBars(sheet, data, frame);
  });
  sheet.y = top + chartHeight;
}

/** The names of the series beside their colours; answers the y below. */
function drawLegend(sheet: Sheet, { series }: ChartData, top: number): number {
  let x = sheet.left;
  let y = top;
  for (const [index, { name }] of series.entries()) {
    const [line] = sheet.wrap(name, 180, label);
    const width = line!.width * label.size;
    if (x + width + 14 > sheet.right) {
      x = sheet.left;
      y += Sheet.lineHeight(label.size);
    }
    sheet.band(x, y + 2.5, 7, 7, colorOf(index));
    sheet.line(line!, x + 11, y, label);
    x += width + 26;
  }
  return y + Sheet.lineHeight(label.size);
}

function drawAxes(sheet: Sheet, { ticks, type, xs, kind }: ChartData, frame: Frame): void {
  for (const tick of ticks) {
    const y = heightOf(tick, ticks, frame);
    sheet.rule(frame.left, frame.right, y, tick === 0 ? ink.muted : ink.rule, tick === 0 ? 0.8 : 0.4);
    sheet.text(printNumber(tick, type), frame.left - 5, y - 5, small, "right");
  }
  const every = Math.ceil(xs.length / mostLabels);
  const room = ((frame.right - frame.left) / Math.min(xs.length, mostLabels)) * 0.95;
  for (let index = 0; index < xs.length; index += every) {
    const [line] = sheet.wrap(xs[index]!, room, small);
    sheet.line(line!, placeOf(index, xs.length, kind, frame), frame.bottom + 4, small, "center");
  }
}

function drawLines(sheet: Sheet, { series, xs, ticks, kind }: ChartData, frame: Frame): void {
  for (const [index, { values }] of series.entries()) {
    // A gap in the values is a gap in the line.
    let run: [number, number][] = [];
    const flush = () => {
      if (run.length === 1) sheet.band(run[0]![0] - 1.5, run[0]![1] - 1.5, 3, 3, colorOf(index));
      else if (run.length > 1) sheet.polyline(run, colorOf(index), 1.3);
      run = [];
    };
    for (const [at, value] of values.entries())
      if (value === null) flush();
      else run.push([placeOf(at, xs.length, kind, frame), heightOf(value, ticks, frame)]);
    flush();
  }
}

function drawBars(sheet: Sheet, { series, xs, ticks, kind }: ChartData, frame: Frame): void {
  const slot = (frame.right - frame.left) / xs.length;
  const width = (slot * 0.8) / series.length;
  const zero = heightOf(0, ticks, frame);
  for (const [index, { values }] of series.entries())
    for (const [at, value] of values.entries()) {
      if (value === null) continue;
      const x = placeOf(at, xs.length, kind, frame) - slot * 0.4 + index * width;
      const y = heightOf(value, ticks, frame);
      sheet.band(x, Math.min(y, zero), Math.max(0.4, width * 0.94), Math.abs(zero - y), colorOf(index));
    }
}

function placeOf(index: number, count: number, kind: ChartData["kind"], { left, right }: Frame): number {
  if (kind === "bar" || count === 1) return left + ((index + 0.5) * (right - left)) / count;
  return left + 4 + (index * (right - left - 8)) / (count - 1);
}

function heightOf(value: number, ticks: readonly number[], { top, bottom }: Frame): number {
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  return bottom - ((value - low) / (high - low)) * (bottom - top);
}

function colorOf(index: number): string {
  return colors[index % colors.length]!;
}
