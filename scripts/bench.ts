import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { bulk } from "./bench/bulk.ts";
import { drain } from "./bench/drain.ts";
import { enqueue } from "./bench/enqueue.ts";
import { eventLoop } from "./bench/event-loop.ts";
import { latency } from "./bench/latency.ts";
import { killRemotes } from "./bench/remote.ts";
import { render } from "./bench/render.ts";
import { Stage } from "./bench/stage.ts";
import { type Section, toMarkdown } from "./bench/table.ts";

/**
 * `npm run bench`: Nightshift against the plain alternative, in interleaved rounds of one run, each sample in a fresh
 * process, on servers of the run's own. Prints a table and writes the same as JSON. Figures of different runs do not compare.
 */
const measures = [enqueue, bulk, drain, latency, render, eventLoop];
const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true }, // names of measures
    rounds: { type: "string", default: "5" },
    jobs: { type: "string" }, // at most so many per sample: a rehearsal
    out: { type: "string", default: "docs/bench.json" },
    markdown: { type: "string" }, // also as a Markdown file
    profile: { type: "string" }, // a folder for CPU profiles
  },
});
const unknown = values.only?.filter((name) => !measures.some((measure) => measure.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `Expected --only to name ${measures.map((measure) => measure.name).join(", ")}; found ${unknown.join(", ")}`,
  );
  process.exit(64);
}

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    stopping.abort(new Error(`Stopped by ${signal}`));
    killRemotes();
  });

const stage = await Stage.start({
  rounds: Number(values.rounds),
  jobs: values.jobs === undefined ? undefined : Number(values.jobs),
  profileDir: values.profile,
  signal: stopping.signal,
});
try {
  const began = new Date();
  const sections: Section[] = [];
  for (const measure of measures.filter(({ name }) => !values.only || values.only.includes(name)))
    sections.push({ name: measure.name, title: measure.title, rows: await measure.run(stage) });
  const machine = {
    processors: availableParallelism(),
    model: cpus()[0]?.model ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    ...(await stage.versions()),
  };
  const result = { date: began.toISOString().slice(0, 10), rounds: stage.rounds, machine, sections };
  writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
  const { processors, model, memoryGb, node, redis, postgres } = machine;
  const where = `${result.date}, ${processors} shared processors (${model}), ${memoryGb} GB, Node ${node}, Redis ${redis}, PostgreSQL ${postgres}, ${stage.rounds} rounds.`;
  const page = `${where}\n\n${toMarkdown(sections)}`;
  console.log(`\n${page}`);
  if (values.markdown) writeFileSync(values.markdown, page);
} finally {
  await stage.stop();
}
