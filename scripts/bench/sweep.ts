import pg from "pg";
import { seconds } from "#core/duration.ts";
import { deliver } from "#jobs/reminders/deliver.job.ts";
import type { Runtime } from "../../src/runtime.ts";
import { arm, type Crowd, gatheringMs } from "./crowd.ts";
import { compare, type Measure, type Row } from "./measure.ts";
import { startNightshift } from "./nightshift.ts";
import type { Addresses, Way } from "./stage.ts";

const crowdModule = new URL("./crowd.ts", import.meta.url).href;
const options = { signal: new AbortController().signal, repeatable: [] };
const queuedWithinMs = seconds(60);

/** What one sweep took. */
interface Sample {
  /** Until each due message has its job in the ledger. */
  readonly sweptSeconds: number;
  /** Until all these jobs are in Redis, from the same beginning. */
  readonly queuedSeconds: number;
  /** A sweep that finds nothing due. */
  readonly idleMs: number;
}

/** The sweep of reminders, among few obligations and among a hundred times as many: what is not due must not cost. */
export const sweep: Measure = {
  name: "sweep",
  title: "Sweep 10,000 due messages, four messages to an obligation",
  async run(stage) {
    const due = stage.jobs(10_000);
    const few: Crowd = { schema: "bench_few", obligations: due, due };
    const many: Crowd = { schema: "bench_many", obligations: 100 * due, due };
    for (const crowd of [few, many]) {
      const began = performance.now();
      await stage.call({ module: crowdModule, call: "gather", args: crowd, ceilingMs: gatheringMs }).result;
      stage.print({ obligations: crowd.obligations, seconds: (performance.now() - began) / 1_000 }, "sweep gathered");
    }
    const ways = [few, many].map(
      (crowd): Way => ({ name: crowd.schema, module: import.meta.url, call: "sweepOnce", args: crowd }),
    );
    const samples = await stage.sampleAll<Sample>(this.name, ways, stage.share(0.6));
    await Promise.all([few, many].map(({ schema }) => stage.drop(schema)));
    const row = (what: string, unit: string, of: keyof Sample): Row => {
      const values = ({ schema }: Crowd) => samples.get(schema)!.map((sample) => sample[of]);
      const reference = { name: `among ${few.obligations.toLocaleString("en-US")}`, values: values(few) };
      const among = `among ${many.obligations.toLocaleString("en-US")} obligations`;
      return compare({ what: `${among}: ${what}`, unit }, values(many), reference);
    };
    return [
      row("until each has its job in the ledger", "s", "sweptSeconds"),
      row("until all are in Redis", "s", "queuedSeconds"),
      row("a sweep with nothing due", "ms", "idleMs"),
    ];
  },
};

/** A tenth of the due messages to warm up, and then all of them. Rejects when a message got no job, or more than one. */
export async function sweepOnce({ schema, obligations, due, ...addresses }: Addresses & Crowd): Promise<Sample> {
  const crowd = { schema, obligations, due };
  const nightshift = startNightshift({ ...addresses, schema, jobs: [deliver], process: "worker" });
  const client = new pg.Client({ connectionString: addresses.databaseUrl });
  await Promise.all([nightshift.start(), client.connect()]);
  try {
    const warmUp = Math.ceil(due / 10);
    await arm(client, crowd, warmUp);
    await timed(nightshift, client, crowd, warmUp);
    await arm(client, crowd, due);
    return await timed(nightshift, client, crowd, due);
  } finally {
    await client.end();
    await nightshift.stop();
  }
}

async function timed(nightshift: Runtime, client: pg.Client, { schema }: Crowd, due: number): Promise<Sample> {
  const { outbox } = nightshift.reminders;
  const began = performance.now();
  const swept = await outbox.sweep(deliver, options);
  const sweptAt = performance.now();
  if (swept.due !== due || swept.replanned > 0)
    throw new Error(`Expected ${due} messages to be due and no plan to be stale, found ${JSON.stringify(swept)}`);
  for (let queued = 0; queued < due; ) {
    const { rows } = await client.query(
      `select count(*)::int as jobs, count(distinct payload ->> 'deliveryId')::int as messages
       from ${schema}.jobs where state = 'queued'`,
    );
    queued = rows[0].messages;
    if (rows[0].jobs > queued) throw new Error(`Expected one job per message, found ${JSON.stringify(rows[0])}`);
    if (performance.now() - sweptAt > queuedWithinMs) throw new Error(`Expected ${due} jobs in Redis, found ${queued}`);
  }
  const queuedAt = performance.now();
  await outbox.sweep(deliver, options);
  const idleMs = performance.now() - queuedAt;
  return { sweptSeconds: (sweptAt - began) / 1_000, queuedSeconds: (queuedAt - began) / 1_000, idleMs };
}
