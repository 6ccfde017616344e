import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { seconds } from "#core/duration.ts";
import { Schedules } from "../../src/ledger/schedules.ts";
import { Ground, percentile } from "./ground.ts";
import { proofJob } from "./work.ts";

const looks = 300;

/** What many sleeping schedules cost, and how late a single one is on an idle scheduler. Durations in ms, memory in MiB. */
export interface Measures {
  readonly schedules: number;
  readonly startMs: number;
  readonly rssMb: { readonly few: number; readonly many: number; readonly later: number };
  readonly nextDueMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly claimMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly idleLateMs: { readonly ticks: number; readonly p50: number; readonly p99: number; readonly max: number };
}

/** Measure on stores of one's own: the figures are of this machine, at its present load. */
export async function measure(options: {
  databaseUrl: string;
  redisUrl: string;
  schedules: number;
  seconds: number;
  say?: (line: string) => void;
}): Promise<Measures> {
  const { say = () => undefined } = options;
  await using ground = await Ground.open(options);
  const { database, schema } = ground;

  // A scheduler that has next to nothing to do, for its memory and its punctuality.
  const from = Math.ceil(Date.now() / 1_000 + 3) * 1_000;
  await ground.plant("each-second", 1, { everyMs: seconds(1) }, `to_timestamp(${from / 1_000})`);
  const few = await ground.scheduler();
  say(`one schedule of each second for ${options.seconds} s`);
  await delay(seconds(options.seconds));
  const fewMb = await rssOf(few.child);
  const late = await database.executeSql(
    `select (extract(epoch from j.accepted_at - t.tick) * 1000)::float8 as ms
     from ${schema}.schedule_ticks t join ${schema}.jobs j on j.id = t.job_id order by 1`,
  );
  const lateMs = late.rows.map(({ ms }) => ms as number);
  const gone = once(few.child, "exit");
  few.child.kill("SIGTERM");
  await gone;

  // None of them is due while this lasts: what they cost by being there.
  await database.executeSql(`update ${schema}.schedules set next_tick = null, next_due = null`);
  await ground.plant(
    "sleeping",
    options.schedules,
    { everyMs: 3_600_000 },
    "date_trunc('hour', now()) + interval '2 hours' + n * interval '37 ms'",
  );
  say(`${options.schedules} schedules that sleep`);
  const many = await ground.scheduler();
  const manyMb = await rssOf(many.child);
  const schedules = new Schedules(schema);
  const nextDue: number[] = [];
  const claims: number[] = [];
  for (let look = 0; look < looks; look += 1) {
    nextDue.push(await timed(() => schedules.untilNextDue(database)));
    claims.push(
      await timed(() =>
        database.transaction(async (client) => {
          const runner = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
          await schedules.claimDue(runner, 500, [proofJob.name], 60_000);
        }),
      ),
    );
  }
  await delay(seconds(35)); // past the look of every 30 s
  const laterMb = await rssOf(many.child);
  return {
    schedules: options.schedules,
    startMs: many.startMs,
    rssMb: { few: fewMb, many: manyMb, later: laterMb },
    nextDueMs: spreadOf(nextDue),
    claimMs: spreadOf(claims),
    idleLateMs: { ticks: lateMs.length, ...spreadOf(lateMs) },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function spreadOf(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: percentile(sorted, 1) };
}

async function rssOf(child: Awaited<ReturnType<Ground["scheduler"]>>["child"]): Promise<number> {
  const answer = once(child, "message");
  child.send("memory");
  return ((await answer)[0] as { rssMb: number }).rssMb;
}
