import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { seedDemo } from "../../scripts/seed/demo-data.ts";
import type { Role } from "../../src/access/principal.ts";
import { catalog } from "../../src/catalog.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { minutes } from "../../src/core/duration.ts";
import { mounted } from "../ai/house.ts";
import { type Served, serve } from "../api/served.ts";
import { type Listening, listen } from "../reminders/http.ts";
import type { Rig } from "../rig/rig.ts";
import { readSteps } from "./page.ts";
import { differences, isShown, type Names } from "./shown.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

/*
 * The pages of docs/platforms/ are what a newcomer types, so they are typed here: every block of `sh`, in order, in a real
 * shell with a real curl, against a real API with workers. The rules of a page:
 *
 * - http://127.0.0.1:3000 is the API. `npm start` and `npm run seed` have been done; `npm run key` gives a key of the tenant
 *   and the role that the line says, so a page that asks for too weak a key fails.
 * - A block has at most one request, and below that stands the answer as `http`: status, headers worth showing, an empty line,
 *   the body. `…` stands for what is left out; an object without it is shown whole (shown.ts). An id is named by its first eight
 *   digits and `…`: the same name is the same id on the whole page.
 * - It is 20 November 2026, 13:30 in India, for all that is planned; the clock of Postgres goes on. Each block is typed as
 *   soon as the one before is answered, unless the paragraph above it begins with "A minute later": then the reminders that
 *   are due have gone out, every job has ended, and batches are finished.
 * - Slack and PagerDuty listen, and `openai` is scripts/fake-provider/: it answers "In short: " and the end of what it was sent.
 */

const pages = globSync("docs/platforms/*.md")
  .filter((file) => basename(file) !== "README.md")
  .sort();

test("each of the five platforms has its page, and the index leads there", () => {
  assert.deepEqual(
    pages.map((file) => basename(file, ".md")),
    ["cloud-operations", "compliance", "erp", "licences", "shop"],
  );
  const index = readFileSync("docs/platforms/README.md", "utf8");
  for (const file of pages) assert.ok(index.includes(`](${basename(file)})`), file);
});

test.each([...pages, "docs/platforms/README.md"])("%s links to what exists", (file) => {
  const text = readFileSync(file, "utf8");
  for (const [, link = "", heading] of text.matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)) {
    const target = link === "" ? file : join("docs/platforms", link);
    const headings = readFileSync(target, "utf8").matchAll(/^#+ (.+)$/gm); // throws where there is no such page
    const anchors = [...headings].map(([, words]) =>
      words!
        .toLowerCase()
        .replaceAll(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
    if (heading !== undefined) assert.ok(anchors.includes(heading), `${link}#${heading}`);
  }
});

// Once only: typed a second time, a request is another one.
describe.each(pages)("%s", { retry: 0 }, (file) => {
  const page = readFileSync(file, "utf8");
  const names: Names = new Map();
  let house: House;
  let terminal: Terminal;
  beforeAll(async () => {
    house = await openHouse();
    terminal = await openTerminal(await house.keysOf(page));
    if (page.includes("npm run seed")) await seedDemo(house.api.rig.runtime.database, 1);
  });
  afterAll(async () => {
    terminal?.[Symbol.dispose]();
    await house?.[Symbol.asyncDispose]();
  });

  test.each(readSteps(file))("$name", async ({ command, aMinuteLater, answer }) => {
    if (aMinuteLater) await house.letAMinutePass();
    const real = await terminal.type(command.replaceAll("http://127.0.0.1:3000", house.api.url));
    if (!answer) return;
    assert.ok(real, "the command asked something");
    const headers = Object.entries(answer.headers).filter(
      ([name, value]) => !isShown(value, real.headers.get(name) ?? "", names),
    );
    assert.deepEqual(
      {
        status: real.status,
        headers: headers.map(([name]) => `${name}: ${real.headers.get(name)}`),
        body: answer.body === "" ? [] : differences(answer.body, real.body, names),
      },
      { status: answer.status, headers: [], body: [] },
      `${real.status} ${real.body.slice(0, 4_000)}`,
    );
  });
});

/** A whole Nightshift as its operator would have set it up, one for each page. */
interface House extends AsyncDisposable {
  readonly api: Served;
  /** Make every key that a page asks for, by `tenant.role`. */
  keysOf(page: string): Promise<Record<string, string>>;
  letAMinutePass(): Promise<void>;
}

async function openHouse(): Promise<House> {
  const clock = new ManualClock("2026-11-20T08:00:00Z");
  const mailDir = mkdtempSync(join(tmpdir(), "nightshift-mail-"));
  const provider = new FakeProvider();
  await provider.start();
  const outside: Listening = await listen(({ path }) => ({ status: path === "/pagerduty" ? 202 : 200 }));
  const api = await serve({
    jobs: catalog.jobs,
    queues: catalog.queues,
    reports: catalog.reports,
    clock,
    relay: true,
    channels: {
      mailDir,
      slackUrl: `${outside.url}/slack`,
      pagerDutyKey: "a-routing-key",
      pagerDutyUrl: `${outside.url}/pagerduty`,
    },
    ai: { providers: [mounted(provider, "ok", { model: "gpt-4.1-mini" })], dailyMicros: 10_000_000 }, // as by default
  });
  await api.rig.work();
  return {
    api,
    async keysOf(page) {
      const asked = [...page.matchAll(/npm run --silent key -- --name (\S+) --tenant (\S+) --role (\w+)/g)];
      const made = asked.map(async ([, name, tenant, role]) => {
        const { key } = await api.keys.create({ name: name!, tenant: tenant!, role: role as Role });
        return [`${tenant}.${role}`, key] as const;
      });
      return Object.fromEntries(await Promise.all(made));
    },
    async letAMinutePass() {
      clock.advance(minutes(1));
      await sweep(api.rig);
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await Promise.all([outside[Symbol.asyncDispose](), provider[Symbol.asyncDispose]()]);
      await rm(mailDir, { recursive: true, force: true });
    },
  };
}

/** What the schedule `reminders.sweep` does each minute; then wait until nothing is on its way any more. */
async function sweep({ runtime, settled, schema, until }: Rig): Promise<void> {
  const { id } = await runtime.producer.enqueue("*", catalog.get("reminders.sweep"), {});
  await settled(id);
  await until(async () => {
    const { rows } = await runtime.database.executeSql(
      `select 1 from ${schema}.jobs where state in ('accepted', 'queued', 'running')
       union all select 1 from ${schema}.batches where sealed_at is not null and finished_at is null limit 1`,
      [],
    );
    return rows.length === 0;
  });
}
