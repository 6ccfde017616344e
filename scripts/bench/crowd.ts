import pg from "pg";
import { days, minutes } from "#core/duration.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import { readObligation } from "../../src/reminders/obligation.ts";
import { startNightshift, tenant } from "./nightshift.ts";
import type { Addresses } from "./stage.ts";

/** Obligations in a schema of their own, so that several crowds stand side by side over a run. */
export interface Crowd {
  readonly schema: string;
  readonly obligations: number;
  /** Of so many of them, spread evenly over all, the first of the four messages can be made due. */
  readonly due: number;
}

const tables = ["obligations", "occurrences", "deliveries"];
const perStatement = 50_000;
/** For the largest crowd on a slow machine. */
export const gatheringMs = minutes(20);
const example = {
  title: "GSTR-3B",
  kind: "tax-return",
  company: "acme-in",
  owner: { id: "asha", name: "Asha Rao", email: "asha@example.com" },
  timeZone: "Asia/Kolkata",
  due: { on: "2026-06-30" },
};

/**
 * Write a crowd as the planner would have: each obligation with an occurrence of four messages. In SQL, with the indexes and
 * constraints put back afterwards: one by one a million would take the API an hour.
 */
export async function gather({ schema, obligations, due, ...addresses }: Addresses & Crowd): Promise<void> {
  const nightshift = startNightshift({ ...addresses, schema, jobs: [], process: "release" });
  const clients = [0, 1].map(() => new pg.Client({ connectionString: addresses.databaseUrl })); // as many as cores
  const [client] = clients as [pg.Client, pg.Client];
  try {
    await migrate(nightshift.database);
    const now = Date.now();
    const body = readObligation(example, nightshift.reminders.holidays, { now, rule: true });
    for (const one of clients) {
      await one.connect();
      await one.query(`set synchronous_commit = off; set maintenance_work_mem = '512MB'; set search_path = ${schema}`);
    }
    const putBack = await takeAway(client, schema);
    let next = 1;
    const lane = async (one: pg.Client) => {
      while (next <= obligations) {
        const range = [next, Math.min(obligations, next + perStatement - 1)];
        next += perStatement;
        await insert(one, range, { now, every: obligations / due, body: JSON.stringify(body) });
      }
    };
    await Promise.all(clients.map(lane));
    for (const statement of putBack) await client.query(statement);
    await client.query(`vacuum (analyze) ${tables.join(", ")}`);
  } finally {
    for (const one of clients) await one.end();
    await nightshift.stop();
  }
}

/** `range`: numbers of the first and the last obligation; of each `every`th the first message can be made due. */
async function insert(
  client: pg.Client,
  range: readonly number[],
  { now, every, body }: { readonly now: number; readonly every: number; readonly body: string },
): Promise<void> {
  await client.query(
    `insert into obligations
       (tenant, id, company, kind, time_zone, body, holidays_version, planned_through, replan_at, created_at, updated_at)
     select $1, md5(n::text)::uuid, 'company-' || n % 50, 'tax-return', 'Asia/Kolkata', $2, '', $3::timestamptz::date, $3, $4, $4
     from generate_series($5::int, $6::int) n`,
    [tenant, body, new Date(now + days(365)), new Date(now), ...range],
  );
  await client.query(
    `insert into occurrences (tenant, obligation_id, occurs_on, due_on, company, time_zone)
     select $1, md5(n::text)::uuid, '2026-06-30', '2026-06-30', 'company-' || n % 50, 'Asia/Kolkata'
     from generate_series($2::int, $3::int) n`,
    [tenant, ...range],
  );
  // The first messages of those that can be made due wait far ahead until `arm` lets them.
  await client.query(
    `insert into deliveries
       (id, tenant, obligation_id, occurs_on, due_on, stage, role, recipient, channel, fire_at, sweep_at, state)
     select gen_random_uuid(), $1, md5(n::text)::uuid, '2026-06-30', '2026-06-30', s || 'd', 'owner', 'asha', 'email', fire,
       fire + case when s = 0 then interval '30 days' else interval '0' end, 'planned'
     from generate_series($4::int, $5::int) n, generate_series(0, 3) s, lateral (select $2::timestamptz
       + case when s = 0 and n % $3 = 0 then -n * interval '1 ms' else (s + 1) * interval '1 day' end as fire) as t`,
    [tenant, new Date(now), every, ...range],
  );
}

/** Make the first messages of `armed` obligations due, and no others, in a schema without jobs. */
export async function arm(client: pg.Client, { schema, obligations, due }: Crowd, armed: number): Promise<void> {
  await client.query(`truncate ${schema}.jobs cascade`);
  const { rowCount } = await client.query(
    `update ${schema}.deliveries d set sweep_at = case when k.n <= $3 then fire_at else now() + interval '30 days' end
     from (select n, md5((n * $2)::text)::uuid as id from generate_series(1, $4::int) n) k
     where d.tenant = $1 and d.obligation_id = k.id and d.stage = '0d'`,
    [tenant, obligations / due, armed, due],
  );
  if (rowCount !== due) throw new Error(`Expected ${due} messages that can be made due, found ${rowCount}`);
  await client.query(`vacuum ${schema}.deliveries`); // not in the middle of a sweep
  await client.query("checkpoint"); // the pages a sweep meets were last written before the last checkpoint, as in life
}

/** Drop what makes inserting slow, and answer the statements that make it again. */
async function takeAway(client: pg.Client, schema: string): Promise<readonly string[]> {
  const constraints = await client.query<{ name: string; of: string; kind: string; definition: string }>(
    `select conname as name, relname as of, contype as kind, pg_get_constraintdef(c.oid) as definition
     from pg_constraint c join pg_class t on t.oid = conrelid
     where connamespace = $1::regnamespace and relname = any($2) and contype in ('p', 'u', 'f')
     order by contype = 'f', relname`,
    [schema, tables],
  );
  for (const { name, of } of constraints.rows.toReversed())
    await client.query(`alter table ${of} drop constraint ${name}`);
  const indexes = await client.query<{ name: string; definition: string }>(
    "select indexname as name, indexdef as definition from pg_indexes where schemaname = $1 and tablename = any($2)",
    [schema, tables],
  );
  for (const { name } of indexes.rows) await client.query(`drop index ${name}`);
  return [
    ...indexes.rows.map(({ definition }) => definition),
    // A foreign key of rows that fit by their making is not checked again, only kept from now on.
    ...constraints.rows.map(
      ({ name, of, kind, definition }) =>
        `alter table ${of} add constraint ${name} ${definition}${kind === "f" ? " not valid" : ""}`,
    ),
  ];
}
