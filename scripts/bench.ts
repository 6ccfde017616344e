import { parseArgs } from "node:util";
import { bulk } from "./bench/bulk.ts";
import { drain } from "./bench/drain.ts";
import { enqueue } from "./bench/enqueue.ts";
import { Stage } from "./bench/stage.ts";

const measures = [enqueue, bulk, drain];
const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    rounds: { type: "string", default: "3" },
    jobs: { type: "string" },
    profile: { type: "string" },
  },
});
const stopping = new AbortController();
const stage = await Stage.start({
  rounds: Number(values.rounds),
  jobs: values.jobs ? Number(values.jobs) : undefined,
  profileDir: values.profile,
  signal: stopping.signal,
});
try {
  for (const measure of measures.filter((m) => !values.only || values.only.includes(m.name))) {
    const began = Date.now();
    for (const row of await measure.run(stage))
      console.log(
        row.what,
        row.reference?.name,
        "ratio",
        row.ratio,
        "ours",
        row.value.median,
        "ref",
        row.reference?.value.median,
      );
    console.log(measure.name, Date.now() - began, "ms");
  }
} finally {
  await stage.stop();
}
