import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import type { Role } from "../../src/access/principal.ts";
import { minutes } from "../../src/core/duration.ts";
import { noRetry } from "../../src/core/retry.ts";
import { openBrowser } from "../rig/browser.ts";
import { patienceMs } from "../rig/eventually.ts";
import { testJob, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { raise, type Stage } from "./stage.ts";

/** Set to a folder to keep a picture of each page. */
const pictures = process.env.NIGHTSHIFT_TEST_PICTURES;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
  if (pictures) await mkdir(pictures, { recursive: true });
}, minutes(6));
afterAll(() => browser?.close());

const documents = testQueue({ name: "documents" });
const failing = testJob(() => Promise.reject(new Error("no")), {
  name: "documents.generate",
  queue: documents,
  retry: noRetry,
});

/** A queue with a dead job and two that wait. */
async function furnished(): Promise<Stage> {
  const stage = await raise({ jobs: [failing] });
  const { producer, redis } = stage.rig.runtime;
  const host = await stage.rig.work();
  await stage.rig.settled((await producer.enqueue(tenant, failing, {})).id);
  await host.stop(5_000);
  await producer.enqueueMany(
    tenant,
    [1, 2].map(() => ({ job: failing, payload: { name: "Grace" } })),
  );
  await stage.rig.until(async () => (await redis.counts(documents)).waiting === 2);
  return stage;
}

/** What a page did that it must not: broken its policy, thrown, or asked another server. */
function watch(context: BrowserContext, page: Page, stage: Stage): string[] {
  const wrongs: string[] = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(stage.url) && !request.url().startsWith("data:"))
      wrongs.push(`asked ${request.url()}`);
  });
  page.on("console", (message) => {
    if (/Content.Security.Policy|Refused to/i.test(message.text())) wrongs.push(message.text());
  });
  page.on("pageerror", (error) => wrongs.push(`threw ${error.message}`));
  return wrongs;
}

async function enter(stage: Stage, role: Role) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-US" });
  const page = await context.newPage();
  page.setDefaultTimeout(patienceMs);
  const wrongs = watch(context, page, stage);
  await page.goto(stage.url);
  await take(page, `${role}-door`);
  await page.getByLabel("API key").fill((await stage.key(role)).key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Documents", { exact: true }).waitFor();
  return { context, page, wrongs };
}

async function take(page: Page, name: string): Promise<void> {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`) });
}

test("an operator signs in, redrives a dead job, cancels a waiting one, pauses the queue and signs out", async () => {
  await using stage = await furnished();
  const { context, page, wrongs } = await enter(stage, "operator");
  await take(page, "operator-board");

  await page.goto(`${stage.url}/board/queue/documents?status=failed`);
  await page.getByText("documents.generate").first().waitFor();
  const menu = page.locator("section button[aria-haspopup=menu]");
  await menu.click();
  await page.getByRole("menuitem", { name: "Pause" }).waitFor();
  await take(page, "operator-menu");
  const items = await page.locator("[role=menuitem]:visible").allTextContents();
  assert.deepEqual(items, ["Redrive all 1 failed jobs", "Pause"], "what is refused is not offered");
  await page.getByRole("menuitem", { name: "Pause" }).click();
  await take(page, "operator-confirm");
  await page.getByRole("button", { name: "Yes" }).click();
  await page
    .getByText("[ Paused ]")
    .or(page.getByText("Paused", { exact: true }))
    .first()
    .waitFor();

  await page.locator("[class^=jobActions] button:visible").first().click();
  await page.getByText("Give this dead job new attempts?").waitFor();
  await page.getByRole("button", { name: "Yes" }).click();
  await stage.rig.until(async () => (await stage.rig.runtime.redis.counts(documents)).waiting === 3);

  await page.goto(`${stage.url}/board/queue/documents?status=prioritized`);
  const actions = page.locator("[class^=jobActions] button:visible");
  await actions.first().waitFor();
  assert.equal(await actions.count(), 3, "one button for each of three jobs: cancel");
  await take(page, "operator-waiting");
  await actions.first().click();
  await page.getByText("Cancel this job?").waitFor();
  await page.getByRole("button", { name: "Yes" }).click();
  await stage.rig.until(async () => (await stage.rig.runtime.redis.counts(documents)).waiting === 2);

  assert.doesNotMatch(await page.content(), /Grace/);
  assert.deepEqual(
    (await stage.deeds()).map((deed) => deed.action),
    ["queue.pause", "job.redrive", "job.cancel"],
  );

  await page.goto(`${stage.url}/sign-out`);
  await take(page, "operator-sign-out");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("API key").waitFor();
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(wrongs, []);
  await context.close();
}, 60_000);

test("a viewer sees the same board without a single button that acts", async () => {
  await using stage = await furnished();
  const { context, page, wrongs } = await enter(stage, "viewer");
  for (const status of ["failed", "prioritized"]) {
    await page.goto(`${stage.url}/board/queue/documents?status=${status}`);
    await page.getByText("documents.generate").first().waitFor();
    await take(page, `viewer-${status}`);
    assert.equal(await page.locator("[class^=jobActions] button, [class^=queueActions] button").count(), 0);
    assert.equal(await page.locator("section button[aria-haspopup=menu]").count(), 0);
  }
  const status = await page.evaluate(
    async () => (await fetch("/board/api/queues/documents/pause", { method: "PUT" })).status,
  );
  assert.equal(status, 403);
  assert.deepEqual(wrongs, []);
  await context.close();
}, 60_000);

test("another site cannot act with the visitor's session, nor see the board in a frame", async () => {
  await using stage = await furnished();
  const { context, page } = await enter(stage, "operator");
  // The same server under another name is another site to the browser.
  const elsewhere = stage.url.replace("127.0.0.1", "localhost");
  await page.route(`${elsewhere}/trap`, (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<form method="post" action="${stage.url}/sign-out"><button>You have won</button></form>
        <iframe src="${stage.url}/sign-in"></iframe>`,
    }),
  );
  await page.goto(`${elsewhere}/trap`);
  const framed = await page.frames()[1]!.content();
  assert.doesNotMatch(framed, /API key/);
  const answer = page.waitForResponse(`${stage.url}/sign-out`);
  await page.getByRole("button", { name: "You have won" }).click();
  assert.equal((await answer).status(), 403);
  await page.goto(`${stage.url}/board`);
  await page.getByText("Documents", { exact: true }).waitFor();
  await context.close();
}, 60_000);
