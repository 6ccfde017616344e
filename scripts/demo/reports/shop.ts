import type { Database } from "../../../src/ledger/database.ts";
import { demoTenants, seedTenant } from "../../seed/demo-data.ts";

/** A tenth of what `npm run seed` makes for the shop: enough to compute something, and there in a moment. */
const scale = 0.1;
const shop = demoTenants.find(({ name }) => name === "brain2gain")!;

export interface Seeded {
  readonly orders: number;
  readonly events: number;
}

/** Two years of made-up orders and events, the same in every run, for the shop's tenant. */
export async function seedShop(database: Database, tenant: string): Promise<Seeded> {
  const { orders, events } = await database.transaction((client) =>
    seedTenant(client, database.schema, shop, scale, tenant),
  );
  return { orders, events };
}

/** Orders that come in later, on the last day of the data: how many. */
export async function addOrders(database: Database, tenant: string): Promise<number> {
  const { rows } = await database.executeSql(
    `insert into ${database.schema}.demo_orders (tenant, id, ordered_at, product, quantity, amount_hundredths, currency)
     select tenant, id + 1000000, ordered_at + interval '1 minute', product, quantity, amount_hundredths, currency
     from ${database.schema}.demo_orders
     where tenant = $1 and ordered_at >= '2026-10-31T06:00Z' and ordered_at < '2026-10-31T18:00Z' returning id`,
    [tenant],
  );
  return rows.length;
}
