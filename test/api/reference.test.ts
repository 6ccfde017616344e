import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { catalog } from "../../src/catalog.ts";
import { minutes } from "../../src/core/duration.ts";
import { openBrowser } from "../rig/browser.ts";
import { patienceMs } from "../rig/eventually.ts";
import { type Served, serve } from "./served.ts";

let browser: Browser;
let api: Served;

beforeAll(async () => {
  browser = await openBrowser();
  api = await serve(catalog);
}, minutes(6));

afterAll(async () => {
  await browser?.close();
  await api?.[Symbol.asyncDispose]();
});

test("the reference shows every operation, asks nobody else for anything and breaks no policy", async () => {
  await using page = await openDocs();
  const { body } = await api.ask("/openapi.json", { key: null });
  const described = Object.values<object>(body.paths).flatMap((methods) => Object.values(methods));
  assert.equal(await page.locator(".operation").count(), described.length);
  for (const { operationId, summary } of described)
    assert.ok((await page.locator(`[id="${operationId}"] h3`).textContent())?.startsWith(summary), operationId);
  assert.deepEqual(page.foreign, []);
  assert.deepEqual(page.complaints, []);
});

test("the filter finds operations by path, word, field and error, and leads back by Escape", async () => {
  await using page = await openDocs();
  const shown = () => page.locator(".operation:visible").evaluateAll((all) => all.map(({ id }) => id));
  const all = (await shown()).length;
  await page.keyboard.press("/");
  await page.keyboard.type("redrive");
  assert.deepEqual(await shown(), ["jobs.redrive"]);
  await page.locator("#search").fill("range_not_satisfiable");
  assert.deepEqual(await shown(), ["documents.content"]);
  await page.locator("#search").fill("invoiceNumber");
  assert.deepEqual(await shown(), [
    ...["enqueue.documents.generate", "jobs.enqueueMany", "batches.create", "batches.append"],
  ]);
  await page.locator("#search").fill("no such thing");
  assert.deepEqual(await shown(), []);
  await page.keyboard.press("Escape");
  assert.equal((await shown()).length, all);
  assert.deepEqual(page.complaints, []);
});

test("the address of a problem leads to its explanation, and a curl line names the key by its variable", async () => {
  await using page = await openDocs();
  await page.goto(`${api.url}/docs#invalid_input`);
  assert.match((await page.locator(".error:target").textContent()) ?? "", /422\s*invalid_input/);
  const curl = await page.locator('[id="jobs.get"] figure pre').first().textContent();
  assert.match(
    curl ?? "",
    new RegExp(`^curl ${api.url}/v1/jobs/[0-9a-f-]{36} \\\\\n  -H "Authorization: Bearer \\$NIGHTSHIFT_KEY"$`),
  );
});

test("the line that hands off a document is accepted as it stands", async () => {
  await using page = await openDocs();
  const curl = (await page.locator('[id="enqueue.documents.generate"] figure pre').first().textContent()) ?? "";
  const [, address, body] = /^curl (\S+) [\s\S]* -d '([\s\S]*)'$/.exec(curl) ?? [];
  assert.equal(address, `${api.url}/v1/jobs/documents.generate`);
  const { status, body: receipt } = await api.ask("/v1/jobs/documents.generate", { json: JSON.parse(body ?? "") });
  assert.deepEqual([status, receipt.job], [202, "documents.generate"]);
});

test("what is written on the page cannot become part of it", async () => {
  await using page = await openDocs();
  // As text: vitest would rewrite an import() inside a function.
  const inserted = await page.evaluate(`import("/docs/dom.js").then(({ h, prose }) =>
    h("div", null, prose("<img src=x onerror=alert(1)> \`<b>\`")).querySelectorAll("img, b").length)`);
  assert.equal(inserted, 0);
});

/** A page of /docs that keeps what went wrong and which addresses it asked for outside of our server. */
async function openDocs() {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(patienceMs);
  const foreign: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${api.url}/`) && !url.startsWith("data:")) foreign.push(url);
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
  await page.goto(`${api.url}/docs`);
  await page.locator("main[aria-busy=false]").waitFor();
  return Object.assign(page, { foreign, complaints, [Symbol.asyncDispose]: () => page.close() });
}
