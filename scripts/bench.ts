import { writeFileSync } from "node:fs";
import { aiLimit } from "./bench/ai-limit.ts";
import { aiOverhead } from "./bench/ai-overhead.ts";
import { bulk } from "./bench/bulk.ts";
import { cancel } from "./bench/cancel.ts";
import { drain } from "./bench/drain.ts";
import { enqueue } from "./bench/enqueue.ts";
import { eventLoop } from "./bench/event-loop.ts";
import { latency } from "./bench/latency.ts";
import { parseOptions, usage } from "./bench/options.ts";
import { killRemotes } from "./bench/remote.ts";
import { render } from "./bench/render.ts";
import { describe, type Report, toPage, writeInto } from "./bench/report.ts";
import { reportCold } from "./bench/report-cold.ts";
import { reportHit } from "./bench/report-hit.ts";
import { Stage } from "./bench/stage.ts";
import { sweep } from "./bench/sweep.ts";
import type { Section } from "./bench/table.ts";

/**
 * `npm run bench`: Nightshift against the plain alternatives, in interleaved rounds of one run, each sample in a fresh
 * process, on servers of the run's own. Prints tables and writes the same as JSON. docs/bench.md says how to read them.
 * Exit codes: 0 measured, whatever the figures; 1 something broke; 64 wrong options; 130 interrupted.
 */
const measures = [
  ...[enqueue, bulk, drain, latency, cancel, render, eventLoop],
  ...[reportHit, reportCold, sweep, aiOverhead, aiLimit],
];
const options = parseOptions(
  process.argv.slice(2),
  measures.map(({ name }) => name),
);
if (typeof options === "string") {
  process.stderr.write(`${options}\n\n${usage}`);
  process.exit(64); // EX_USAGE
}

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    stopping.abort(new Error(`Stopped by ${signal}`));
    killRemotes();
  });

try {
  await bench();
} catch (error) {
  process.stderr.write(`${stopping.signal.aborted ? "bench: interrupted" : (error as Error).stack}\n`);
  process.exitCode = stopping.signal.aborted ? 130 : 1;
}

async function bench(): Promise<void> {
  const { only, rounds, jobs, profile, out, markdown, ...more } = options as Exclude<typeof options, string>;
  const began = performance.now();
  const { signal } = stopping;
  const stage = await Stage.start({ rounds, jobs, profileDir: profile, wholeMinutes: more["whole-minutes"], signal });
  try {
    const place = await describe(stage);
    const sections: Section[] = [];
    for (const measure of measures.filter(({ name }) => !only || only.includes(name)))
      sections.push({ name: measure.name, title: measure.title, rows: await measure.run(stage) });
    const report: Report = {
      date: new Date().toISOString().slice(0, 10),
      rounds,
      tookSeconds: (performance.now() - began) / 1_000,
      ...place,
      sections,
    };
    writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
    const page = toPage(report);
    if (markdown) writeInto(markdown, page);
    process.stdout.write(`\n${page}\n`);
  } finally {
    await stage.stop();
  }
}
