import { setTimeout as delay } from "node:timers/promises";
import { seconds } from "#core/duration.ts";
import { Ground, percentile } from "./ground.ts";

/** What a proof counted. */
export interface Proof {
  readonly schedules: number;
  readonly ticks: number;
  readonly jobs: number;
  readonly missing: number;
  readonly double: number;
  /** From a tick to the acceptance of its job, ms. */
  readonly lateMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

const patienceMs = seconds(120);

/**
 * Two scheduler processes and many schedules of each second. One is killed and replaced; then one is stopped (SIGSTOP) for a
 * quarter of the time, and continued. Every tick must have one job: they are counted in the ledger, by name and instant.
 */
export async function prove(options: {
  databaseUrl: string;
  redisUrl: string;
  schedules: number;
  seconds: number;
  say?: (line: string) => void;
}): Promise<Proof> {
  const { schedules, say = () => undefined } = options;
  await using ground = await Ground.open(options);
  const { database, schema } = ground;
  const [first, second] = await Promise.all([ground.scheduler(), ground.scheduler()]);

  const { rows } = await database.executeSql(
    "select (floor(extract(epoch from now())) * 1000)::float8 as ms, (extract(epoch from now()) * 1000)::float8 as now",
  );
  const from = rows[0]!.ms + seconds(3);
  const to = from + seconds(options.seconds - 1);
  const rule = { everyMs: seconds(1), endsAt: new Date(to).toISOString() };
  await ground.plant("tick", schedules, rule, `to_timestamp(${from / 1_000})`);
  await database.executeSql(`select pg_notify('${schema}_schedules', '')`);
  const after = (share: number) => delay(from - rows[0]!.now + share * seconds(options.seconds));

  await Promise.all([
    after(0.2).then(async () => {
      first.child.kill("SIGKILL");
      say("killed one, started another");
      await ground.scheduler();
    }),
    after(0.5).then(async () => {
      second.child.kill("SIGSTOP");
      say("stopped the other");
      await delay(0.25 * seconds(options.seconds));
      second.child.kill("SIGCONT");
      say("and continued it");
    }),
  ]);
  const until = Date.now() + seconds(options.seconds) + patienceMs;
  for (;;) {
    const left = await database.executeSql(
      `select count(*)::int as n from ${schema}.schedules where next_due is not null`,
    );
    if (left.rows[0]!.n === 0) break;
    if (Date.now() > until)
      throw new Error(`Expected every schedule to have come to its end, ${left.rows[0]!.n} have not`);
    await delay(200);
  }

  const counted = await database.executeSql(
    `select count(*) filter (where jobs is null)::int as missing, coalesce(sum(jobs) filter (where jobs > 1), 0)::int
       - count(*) filter (where jobs > 1)::int as double, count(*)::int as ticks,
       (select count(*)::int from ${schema}.jobs) as jobs
     from generate_series(0, $1::int - 1) as n cross join generate_series($2::bigint, $3::bigint, 1000) as at
     left join (select correlation_id, count(*) as jobs from ${schema}.jobs group by 1) made
       on made.correlation_id = 'tick-' || n || '@' || to_char(to_timestamp(at / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
    [schedules, from, to],
  );
  const late = await database.executeSql(
    `select (extract(epoch from j.accepted_at - t.tick) * 1000)::float8 as ms
     from ${schema}.schedule_ticks t join ${schema}.jobs j on j.id = t.job_id order by 1`,
  );
  const lateMs = late.rows.map(({ ms }) => ms as number);
  return {
    ...(counted.rows[0] as { ticks: number; jobs: number; missing: number; double: number }),
    schedules,
    lateMs: { p50: percentile(lateMs, 0.5), p99: percentile(lateMs, 0.99), max: percentile(lateMs, 1) },
  };
}
