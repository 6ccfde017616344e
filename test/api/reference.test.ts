import assert from "node:assert/strict";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { catalog } from "../../src/catalog.ts";
import { tool } from "../rig/tools.ts";
import { type Served, serve } from "./served.ts";

let browser: Browser;
let api: Served;

beforeAll(async () => {
  const { command, env } = await tool("chromium");
  browser = await chromium.launch({ executablePath: command, env, args: ["--no-sandbox"] });
  api = await serve(catalog);
}, 300_000);

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
  if (process.env.SHOT) {
    await page.screenshot({ path: `${process.env.SHOT}/top.png` });
    await page.locator('[id="enqueue.documents.generate"]').scrollIntoViewIfNeeded();
    await page.locator('[id="enqueue.documents.generate"]').screenshot({ path: `${process.env.SHOT}/op.png` });
    await page.goto(`${api.url}/docs#errors`);
    await page.waitForTimeout(700);
    await page.screenshot({ path: `${process.env.SHOT}/errors.png` });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(`${api.url}/docs#jobs.get`);
    await page.waitForTimeout(700);
    await page.screenshot({ path: `${process.env.SHOT}/dark.png` });
    await page.setViewportSize({ width: 420, height: 900 });
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${process.env.SHOT}/phone.png` });
  }
  assert.deepEqual(page.foreign, []);
  assert.deepEqual(page.complaints, []);
});

/** A page of /docs that keeps what went wrong and which addresses it asked for outside of our server. */
async function openDocs() {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
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
