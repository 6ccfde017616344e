import assert from "node:assert/strict";
import { afterAll, beforeAll, test } from "vitest";
import { certificateOf } from "#jobs/documents/templates/compliance-certificate/fixtures.ts";
import { demoTenants, seedDemo } from "../../scripts/seed/demo-data.ts";
import { catalog } from "../../src/catalog.ts";
import { type Served, serve } from "../api/served.ts";

let api: Served;
let seeded: Awaited<ReturnType<typeof seedDemo>>;
beforeAll(async () => {
  api = await serve({ jobs: catalog.jobs, queues: catalog.queues, reports: catalog.reports });
  seeded = await seedDemo(api.rig.runtime.database, 0.1);
  await api.rig.work();
});
afterAll(() => api[Symbol.asyncDispose]());

type Row = Record<string, string | number>;
async function rowsOf(report: string, query: string, tenant?: string): Promise<Row[]> {
  const asker = tenant ? { key: api.key.everyone, headers: { "nightshift-tenant": tenant } } : {};
  const { status, body } = await api.ask(`/v1/reports/${report}?wait=60s&${query}`, asker);
  assert.equal(status, 200, JSON.stringify(body));
  return body.rows;
}
const ask = async (text: string, values: unknown[]) =>
  (await api.rig.runtime.database.executeSql(text.replaceAll("{schema}", api.rig.schema), values)).rows;

test("the demonstration data is the same every time, and on every machine", async () => {
  const again = await seedDemo(api.rig.runtime.database, 0.1);
  assert.deepEqual(again, seeded);
  assert.deepEqual(
    seeded.map(({ tenant }) => tenant),
    demoTenants.map(({ name }) => name),
  );
  assert.deepEqual(seeded, [
    { tenant: "northwind", orders: 730, events: 5_835, checksum: "2c8c4adc242398317904a08d66a9be5d" },
    { tenant: "brain2gain", orders: 1_778, events: 11_246, checksum: "471abe36d39b01ce080f5baa2552989b" },
    { tenant: "suryodaya", orders: 834, events: 4_610, checksum: "8df7d23e4cf428d040f4fea7d2303f9c" },
    { tenant: "cloudops", orders: 749, events: 8_600, checksum: "de82015d93d26f9dfec791f882f83e35" },
    { tenant: "complianceai", orders: 730, events: 3_155, checksum: "6292a05e4a8e50261817edeaacc8a656" },
  ]);
});

test("revenue adds up to what the orders add up to, by day and by month, in the zone's days", async () => {
  const [from, to] = ["2026-09-01", "2026-10-31"];
  for (const [by, length] of [
    ["day", 10],
    ["month", 7],
  ] as const) {
    const rows = await rowsOf("revenue", `from=${from}&to=${to}&by=${by}&timeZone=America/Mexico_City`, "brain2gain");
    const orders = await ask(
      "select ordered_at, product, quantity, amount_hundredths::int as amount from {schema}.demo_orders where tenant = $1",
      ["brain2gain"],
    );
    const expected = new Map<string, { orders: number; quantity: number; revenue: number }>();
    const local = new Intl.DateTimeFormat("en-CA", { timeZone: "America/Mexico_City" });
    for (const { ordered_at, product, quantity, amount } of orders) {
      const day = local.format(ordered_at);
      if (day < from || day > to) continue;
      const name = `${day.slice(0, length)} ${product}`;
      const sum = expected.get(name) ?? { orders: 0, quantity: 0, revenue: 0 };
      expected.set(name, {
        orders: sum.orders + 1,
        quantity: sum.quantity + quantity,
        revenue: sum.revenue + amount,
      });
    }
    assert.ok(expected.size > 4);
    assert.deepEqual(
      Object.fromEntries(
        rows.map(({ period, product, orders: count, quantity, revenue }) => [
          `${period} ${product}`,
          { orders: count, quantity, revenue },
        ]),
      ),
      Object.fromEntries(expected),
    );
  }
  const one = await rowsOf("revenue", `from=${from}&to=${to}&product=Whey%20protein`, "brain2gain");
  assert.deepEqual([...new Set(one.map(({ product }) => product))], ["Whey protein"]);
});

test("daily, weekly and monthly users are exact, also before the first event and after the last", async () => {
  const events = await ask("select at, user_id::int as id from {schema}.demo_events where tenant = $1", ["suryodaya"]);
  const local = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Kolkata" });
  const active = new Map<string, Set<number>>();
  for (const { at, id } of events) {
    const day = local.format(at);
    active.set(day, (active.get(day) ?? new Set()).add(id));
  }
  const within = (day: string, days: number) => {
    const users = new Set<number>();
    for (let back = 0; back < days; back += 1) {
      const on = new Date(Date.parse(day) - back * 86_400_000).toISOString().slice(0, 10);
      for (const id of active.get(on) ?? []) users.add(id);
    }
    return users.size;
  };
  for (const [from, to] of [
    ["2024-10-25", "2024-12-20"],
    ["2026-10-20", "2026-12-05"],
  ]) {
    const rows = await rowsOf("active-users", `from=${from}&to=${to}&timeZone=Asia/Kolkata`, "suryodaya");
    assert.ok(rows.some(({ mau }) => Number(mau) > 5));
    for (const { day, dau, wau, mau } of rows)
      assert.deepEqual([day, dau, wau, mau], [day, within(`${day}`, 1), within(`${day}`, 7), within(`${day}`, 30)]);
  }
});

test("documents by month and company statistics count what was made", async () => {
  const companyId = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90";
  const other = "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c91";
  const generate = catalog.get("documents.generate");
  const made: { sizeBytes: number; documentId: string }[] = [];
  for (const [index, of] of [companyId, companyId, other].entries()) {
    const payload = { templateId: "compliance-certificate", companyId: of, userInputs: certificateOf(index) };
    const { id } = await api.rig.runtime.producer.enqueue("acme", generate, payload);
    const job = await api.rig.settled(id);
    assert.equal(job.state, "completed", JSON.stringify(job.error));
    made.push(job.result as (typeof made)[number]);
  }
  const month = new Date().toISOString().slice(0, 7);
  const bytes = made.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  assert.deepEqual(await rowsOf("documents-by-month", "months=1"), [
    { month, template: "compliance-certificate", documents: 3, versions: 3, pages: 3, bytes },
  ]);
  assert.deepEqual(await rowsOf("documents-by-month", "months=1&template=tax-invoice"), []);
  assert.deepEqual(
    (await rowsOf("company-statistics", "")).map(({ company, documents }) => [company, documents]),
    [
      [companyId, 2],
      [other, 1],
    ],
  );
  assert.equal((await rowsOf("company-statistics", `company=${other}`)).length, 1);
});

test("queue service levels tell how the tenant's jobs ended, from the ledger", async () => {
  await rowsOf("company-statistics", "limit=7", "cloudops"); // one job of that tenant
  const rows = await rowsOf("queue-service-levels", "hours=2", "cloudops");
  const { accepted, completed, dead, open, waitP95Ms, inTimePercent } = rows.find(
    ({ job }) => job === "reports.compute",
  )!;
  // The computation that asks is itself a job of the tenant, and open while it counts.
  assert.deepEqual({ accepted, completed, dead, open }, { accepted: 2, completed: 1, dead: 0, open: 1 });
  assert.ok(Number(waitP95Ms) >= 0 && Number(waitP95Ms) < 60_000);
  assert.equal(inTimePercent, 100);
});

test("a period that is impossible or too long, and a zone that does not exist, are named by their paths", async () => {
  const refused = async (query: string) => {
    const { status, body } = await api.ask(`/v1/reports/revenue?${query}`);
    assert.equal(status, 422);
    return body.errors.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`);
  };
  assert.deepEqual(await refused("from=2026-02-30&to=2026-03-01"), ["from invalid_format"]);
  assert.deepEqual(await refused("from=2026-03-02&to=2026-03-01"), ["to date_too_early"]);
  assert.deepEqual(await refused("from=2024-03-02&to=2026-03-01"), ["to period_too_long"]);
  assert.deepEqual(await refused("from=2026-03-02&to=2026-03-03&timeZone=Mars/Base"), ["timeZone unknown_time_zone"]);
  assert.deepEqual(await refused("to=2026-03-03&timeZone=%2B05:30"), [
    "from invalid_type",
    "timeZone unknown_time_zone",
  ]);
});
