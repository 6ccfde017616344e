import type pg from "pg";
import type { Database } from "../../src/ledger/database.ts";

/** A tenant of the demonstration data. */
export interface DemoTenant {
  readonly name: string;
  readonly currency: string;
  /** Users at the end of the two years, at scale 1. */
  readonly users: number;
  /** Orders per working day at the end, at scale 1. */
  readonly orders: number;
  /** Price of the cheapest product, hundredths. */
  readonly price: number;
  readonly products: readonly string[];
  /** Days with little traffic: 6 and 7, or 7 alone (ISO). */
  readonly restDays: readonly number[];
  /** From this day on the traffic grows by a fifth each day: the incident that a forecast should find. */
  readonly surgeFrom?: string;
}

const weekend = [6, 7];

/** One for each platform. */
export const demoTenants: readonly DemoTenant[] = [
  {
    ...{ name: "northwind", currency: "EUR", users: 220, orders: 9, price: 4_900, restDays: weekend },
    products: ["Seat licence", "Floating licence", "Support"],
  },
  {
    ...{ name: "brain2gain", currency: "MXN", users: 400, orders: 40, price: 39_900, restDays: [7] },
    products: ["Creatine", "Multivitamin", "Omega 3", "Whey protein"],
  },
  {
    ...{ name: "suryodaya", currency: "INR", users: 160, orders: 14, price: 99_900, restDays: [7] },
    products: ["Accounts", "Inventory", "Payroll"],
  },
  {
    ...{
      name: "cloudops",
      currency: "USD",
      users: 300,
      orders: 6,
      price: 9_900,
      restDays: weekend,
      surgeFrom: "2026-10-18",
    },
    products: ["Alerting", "Monitoring", "Runbooks"],
  },
  {
    ...{ name: "complianceai", currency: "INR", users: 120, orders: 8, price: 149_900, restDays: weekend },
    products: ["Filing", "Review", "Vault"],
  },
];

/** Both days included: two years. */
export const demoPeriod = { from: "2024-11-01", to: "2026-10-31" } as const;

export interface Seeded {
  readonly tenant: string;
  readonly orders: number;
  readonly events: number;
  /** Of all rows in their order: the same for the same release and scale, on every machine. */
  readonly checksum: string;
}

/** How busy a day is: from a third of the end's traffic at the beginning, with rest days and the surge. */
const days = `
  select day::date as day,
    (0.35 + 0.65 * (day::date - $2::date) / 729.0)
    * case when extract(isodow from day) = any($4::int[]) then 0.3 else 1 end
    * case when $5::date is not null and day >= $5::date then 1.2 ^ least(day::date - $5::date + 1, 14) else 1 end as busy
  from generate_series($2::date, $3::date, interval '1 day') as day`;

/** A number from 0 to 1 that looks like chance and is the same on every machine: eight hexadecimal digits of the MD5. */
const chance = (of: string, part: number) =>
  `(('x' || substr(${of}, ${1 + part * 8}, 8))::bit(32)::bigint / 4294967296.0)`;

/**
 * Fill the demonstration tables, in one transaction: what was there of these tenants is replaced, nothing else is touched. Safe
 * to repeat. `scale` multiplies users and orders.
 */
export async function seedDemo(database: Database, scale: number): Promise<readonly Seeded[]> {
  return database.transaction(async (client) => {
    const seeded: Seeded[] = [];
    for (const tenant of demoTenants) seeded.push(await seedTenant(client, database.schema, tenant, scale));
    return seeded;
  });
}

/**
 * The rows of one tenant, in the caller's transaction, instead of those that were there. `as`: the tenant they are written
 * for, where it is not the one that they are made of; but for that name they are the same rows.
 */
export async function seedTenant(
  client: pg.PoolClient,
  schema: string,
  tenant: DemoTenant,
  scale: number,
  as = tenant.name,
): Promise<Seeded> {
  const { name, currency, products, price, restDays, surgeFrom = null } = tenant;
  await client.query("set local time zone 'UTC'; set local datestyle to 'ISO, YMD'"); // days, and the text of the checksum
  for (const table of ["demo_orders", "demo_events"])
    await client.query(`delete from ${schema}.${table} where tenant = $1`, [as]);
  const span = [name, demoPeriod.from, demoPeriod.to, restDays, surgeFrom];
  const orders = await client.query(
    `insert into ${schema}.demo_orders (tenant, id, ordered_at, product, quantity, amount_hundredths, currency)
     select $10::text, row_number() over (order by day, n), day + ${chance("h", 0)} * interval '1 day',
       ($6::text[])[kind], quantity, quantity * $7::bigint * kind, $8
     from (${days}) d cross join lateral generate_series(1, ceil(busy * $9 * 0.8)::int) n
     cross join lateral (select md5($1 || ' order ' || day || ' ' || n) as h) r
     cross join lateral (select 1 + floor(${chance("h", 1)} * cardinality($6::text[]))::int as kind,
       1 + floor(${chance("h", 2)} * 4)::int as quantity) k`,
    [...span, products, price, currency, tenant.orders * scale, as],
  );
  const events = await client.query(
    `insert into ${schema}.demo_events (tenant, id, at, user_id, kind)
     select $7::text, row_number() over (order by day, user_id, n),
       day + (0.2 + 0.7 * ${chance("e", 0)}) * interval '1 day', user_id,
       (array['sign-in', 'view', 'create', 'export'])[least(n, 4)]
     from (${days}) d cross join lateral generate_series(1, ceil(least(busy, 1) * $6)::int) user_id
     cross join lateral (select md5($1 || ' user ' || day || ' ' || user_id) as h) r
     cross join lateral generate_series(1, (case when ${chance("h", 0)} < 0.25 then 1 + ${chance("h", 1)} * 3 else 0 end
       * greatest(busy, 1))::int) n
     cross join lateral (select md5($1 || ' event ' || day || ' ' || user_id || ' ' || n) as e) s`,
    [...span, tenant.users * scale, as],
  );
  const { rows } = await client.query(
    `select md5(
       (select coalesce(string_agg(o::text, ',' order by id), '') from ${schema}.demo_orders o where tenant = $1) ||
       (select md5(coalesce(string_agg(id || ' ' || at || ' ' || user_id, ',' order by id), ''))
        from ${schema}.demo_events where tenant = $1)) as checksum`,
    [as],
  );
  return { tenant: as, orders: orders.rowCount ?? 0, events: events.rowCount ?? 0, checksum: rows[0]!.checksum };
}
