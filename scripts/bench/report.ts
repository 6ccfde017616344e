import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { isMet } from "./measure.ts";
import type { Stage } from "./stage.ts";
import { type Section, toMarkdown } from "./table.ts";

/** A run as it is kept: docs/bench.json. */
export interface Report {
  /** Calendar day, UTC. */
  readonly date: string;
  readonly rounds: number;
  readonly tookSeconds: number;
  readonly machine: Readonly<Record<string, string | number>>;
  /** Over the minute before the run: above 0.5 somebody else was at work, and the figures are worth less. */
  readonly loadBefore: number;
  readonly sections: readonly Section[];
}

/** The machine and the servers of a run that is about to begin. */
export async function describe(stage: Stage): Promise<Pick<Report, "machine" | "loadBefore">> {
  const machine = {
    processors: availableParallelism(),
    model: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.version,
    ...(await stage.versions()),
  };
  return { machine, loadBefore: loadavg()[0]! };
}

/** The tables, under a line that says when and where. */
export function toPage(report: Report): string {
  const { processors, model, memoryGb, system, node, redis, postgres } = report.machine;
  const targets = report.sections.flatMap(({ rows }) => rows.map(isMet)).filter((met) => met !== null);
  const met = targets.filter(Boolean).length;
  return `${report.date} · ${processors} × ${model}, ${memoryGb} GB, ${system} · Node ${node}, Redis ${redis}, PostgreSQL ${postgres} ·
${report.rounds} rounds in ${Math.round(report.tookSeconds)} s · load before the run ${report.loadBefore.toFixed(2)} ·
${met} of ${targets.length} targets met

${toMarkdown(report.sections)}`;
}

const begin = "<!-- bench:begin (written by npm run bench -- --markdown; do not edit) -->";
const end = "<!-- bench:end -->";

/** Put the page between the markers of a Markdown file; a file without them becomes the page. */
export function writeInto(file: string, page: string): void {
  const text = existsSync(file) ? readFileSync(file, "utf8") : `${begin}\n${end}\n`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`Expected ${file} to have the lines "${begin}" and "${end}", in this order; found it without`);
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n\n${page}\n${text.slice(to)}`);
}
