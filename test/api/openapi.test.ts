import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, test } from "vitest";
import { z } from "zod";
import { problems } from "../../src/api/problem.ts";
import { catalog } from "../../src/catalog.ts";
import { type Served, serve } from "./served.ts";

// biome-ignore lint/suspicious/noExplicitAny: a document of many shapes
type Json = any;

let api: Served;
let document: Json;
beforeAll(async () => {
  api = await serve(catalog);
  document = (await api.ask("/openapi.json", { key: null })).body;
});
afterAll(() => api[Symbol.asyncDispose]());

const operations = (): [string, string, Json][] =>
  Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]): [string, string, Json] => [path, method, operation]),
  );

test("the document is OpenAPI 3.1, every reference in it leads somewhere, and every operation has a name of its own", () => {
  assert.equal(document.openapi, "3.1.0");
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
  for (const [, name] of references) assert.ok(document.components.schemas[name!], name);
  assert.doesNotMatch(JSON.stringify(document), /\$defs|__schema/);
  const names = operations().map(([, , { operationId }]) => operationId);
  assert.equal(new Set(names).size, names.length);
});

test("every job of the catalog has an operation of its own, with its payload's schema", () => {
  for (const job of catalog.jobs) {
    const { requestBody } = document.paths[`/v1/jobs/${job.name}`].post;
    const { properties } = requestBody.content["application/json"].schema;
    const { $schema: _, ...payload } = z.toJSONSchema(job.payload, { io: "input" }) as Json;
    assert.deepEqual(Object.keys(properties.payload), Object.keys(payload), job.name);
    assert.ok(properties.runAt && properties.deduplicationKey);
  }
});

test("every documented address exists: without a key it is refused, not missing", async () => {
  const headers = { "x-forwarded-for": "203.0.113.7" }; // so that health asks for a key as well
  for (const [path, method] of operations()) {
    const address = path.replace(/\{id\}/, "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90").replace(/\{n\}/, "1");
    const { status } = await api.ask(address, { method: method.toUpperCase(), key: null, headers });
    assert.deepEqual([method, path, status], [method, path, 401]);
  }
});

test("every problem of an operation is documented with its code, and the headers that come with it", () => {
  for (const [, , { responses, operationId, requestBody }] of operations()) {
    const codes = Object.values<Json>(responses).flatMap((response) =>
      Object.keys(response.content?.["application/problem+json"]?.examples ?? {}),
    );
    const expected = ["internal_error", "store_unavailable", "unauthenticated", "forbidden"];
    if (requestBody) expected.push("body_too_large", "malformed_json");
    for (const code of expected) assert.ok(codes.includes(code), `${operationId} ${code}`);
    for (const [status, response] of Object.entries<Json>(responses)) {
      for (const code of Object.keys(response.content?.["application/problem+json"]?.examples ?? {}))
        assert.equal(problems[code as keyof typeof problems].status, Number(status), code);
      if (status === "401") assert.ok(response.headers["WWW-Authenticate"]);
      if (status === "503") assert.ok(response.headers["Retry-After"]);
    }
  }
});

test("docs/errors.md has one line for every problem, with its status, and none besides", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const chapter = page.slice(page.indexOf("## Answers of the API"), page.indexOf("## Errors of a job"));
  const rows = [...chapter.matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm)].map(([, status, code]) => [code, Number(status)]);
  const expected = Object.entries(problems).map(([code, { status }]) => [code, status]);
  assert.deepEqual(Object.fromEntries(rows), Object.fromEntries(expected));
  assert.equal(rows.length, expected.length);
});
