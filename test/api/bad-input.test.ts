import assert from "node:assert/strict";
import { request } from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, test } from "vitest";
import { testJob } from "../rig/jobs.ts";
import { type Asked, type Served, serve } from "./served.ts";

const run = testJob(async () => null);
const mebibyte = 1_048_576;
const json = { "content-type": "application/json" };
const path = "/v1/jobs/tests.run";

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [run] });
});
afterAll(() => api[Symbol.asyncDispose]());

/** A body of exactly so many bytes. */
function bodyOf(bytes: number): string {
  const frame = '{"payload":{"text":""}}';
  return frame.replace('""', `"${"x".repeat(bytes - frame.length)}"`);
}

interface Case {
  readonly what: string;
  readonly path?: string;
  readonly asked: Asked;
  readonly status: number;
  readonly code: string;
  /** Path of the one problem, where the input is refused. */
  readonly at?: string;
}

const text = (raw: string): Asked => ({ method: "POST", raw, headers: json });
const bytes = (...values: number[]): Asked => ({ method: "POST", raw: new Uint8Array(values), headers: json });
const payload = (inner: string) => text(`{"payload":{"a":${inner}}}`);

const cases: readonly Case[] = [
  { what: "1 MiB + 1 byte", asked: text(bodyOf(mebibyte + 1)), status: 413, code: "body_too_large" },
  { what: "5 MiB", asked: text(bodyOf(5 * mebibyte)), status: 413, code: "body_too_large" },
  {
    what: "no content type",
    asked: { method: "POST", raw: new Blob(["{}"]) },
    status: 415,
    code: "unsupported_media_type",
  },
  { what: "a form", asked: { raw: new URLSearchParams({ a: "1" }) }, status: 415, code: "unsupported_media_type" },
  {
    what: "UTF-16",
    asked: { ...text("{}"), headers: { "content-type": "application/json; charset=utf-16" } },
    status: 415,
    code: "unsupported_media_type",
  },
  {
    what: "latin-1",
    asked: { ...text("{}"), headers: { "content-type": "application/json; charset=iso-8859-1" } },
    status: 415,
    code: "unsupported_media_type",
  },
  {
    what: "a body in gzip",
    asked: { method: "POST", raw: gzipSync("{}"), headers: { ...json, "content-encoding": "gzip" } },
    status: 415,
    code: "unsupported_media_type",
  },
  {
    what: "a bomb in brotli",
    asked: {
      method: "POST",
      raw: brotliCompressSync(Buffer.alloc(50 * mebibyte)),
      headers: { ...json, "content-encoding": "br" },
    },
    status: 415,
    code: "unsupported_media_type",
  },
  { what: "an empty body", asked: text(""), status: 400, code: "malformed_json" },
  { what: "half of a JSON", asked: text('{"payload":'), status: 400, code: "malformed_json" },
  { what: "a trailing comma", asked: text('{"payload":{},}'), status: 400, code: "malformed_json" },
  { what: "a byte order mark", asked: bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d), status: 400, code: "malformed_json" },
  { what: "broken UTF-8", asked: bytes(0x22, 0xc3, 0x28, 0x22), status: 400, code: "malformed_json" },
  { what: "an array", asked: text("[]"), status: 422, code: "invalid_input", at: "" },
  { what: "null", asked: text("null"), status: 422, code: "invalid_input", at: "" },
  { what: "a string", asked: text('"payload"'), status: 422, code: "invalid_input", at: "" },
  { what: "no payload", asked: text("{}"), status: 422, code: "invalid_input", at: "payload" },
  { what: "null for a payload", asked: text('{"payload":null}'), status: 422, code: "invalid_input", at: "payload" },
  {
    what: "__proto__",
    asked: text('{"payload":{},"__proto__":{"x":1}}'),
    status: 422,
    code: "invalid_input",
    at: "__proto__",
  },
  { what: "a NUL in text", asked: payload('"x\\u0000y"'), status: 422, code: "invalid_input", at: "payload.a" },
  {
    what: "a NUL in a name",
    asked: payload('{"x\\u0000":1}'),
    status: 422,
    code: "invalid_input",
    at: 'payload.a."x\\u0000"',
  },
  {
    what: "half a surrogate pair",
    asked: payload('["ok","\\ud83d"]'),
    status: 422,
    code: "invalid_input",
    at: "payload.a.1",
  },
  { what: "1e999", asked: payload("1e999"), status: 422, code: "invalid_input", at: "payload.a" },
  {
    what: "100,000 levels",
    asked: payload("[".repeat(100_000) + "]".repeat(100_000)),
    status: 422,
    code: "invalid_input",
    at: `payload.a${".0".repeat(99)}`,
  },
  {
    what: "a NUL in a tag",
    asked: text('{"payload":{},"tags":["\\u0000"]}'),
    status: 422,
    code: "invalid_input",
    at: "tags.0",
  },
  {
    what: "a key of 201 characters",
    asked: { json: { payload: {}, deduplicationKey: "k".repeat(201) } },
    status: 422,
    code: "invalid_input",
    at: "deduplicationKey",
  },
  {
    what: "a key in Devanagari",
    asked: { json: { payload: {}, deduplicationKey: "कर" } },
    status: 422,
    code: "invalid_input",
    at: "deduplicationKey",
  },
  {
    what: "eleven tags",
    asked: { json: { payload: {}, tags: Array(11).fill("t") } },
    status: 422,
    code: "invalid_input",
    at: "tags",
  },
  {
    what: "the 30th of February",
    asked: { json: { payload: {}, runAt: "2026-02-30T00:00:00Z" } },
    status: 422,
    code: "invalid_input",
    at: "runAt",
  },
  {
    what: "an instant without a zone",
    asked: { json: { payload: {}, runAt: "2027-02-20T00:00:00" } },
    status: 422,
    code: "invalid_input",
    at: "runAt",
  },
  {
    what: "the year 0",
    asked: { json: { payload: {}, runAt: "0000-01-01T00:00:00Z" } },
    status: 422,
    code: "invalid_input",
    at: "runAt",
  },
  {
    what: "the end of the year 9999",
    asked: { json: { payload: {}, runAt: "9999-12-31T23:59:59-14:00" } },
    status: 422,
    code: "invalid_input",
    at: "runAt",
  },
  {
    what: "an expiry in the past",
    asked: { json: { payload: {}, expiresAt: "2020-01-01T00:00:00Z" } },
    status: 422,
    code: "invalid_input",
    at: "expiresAt",
  },
  { what: "an unknown job", path: "/v1/jobs/no.such", asked: text("{}"), status: 404, code: "unknown_job" },
  {
    what: "a job name that is not UTF-8",
    path: "/v1/jobs/%E0%A4%A",
    asked: text("{}"),
    status: 404,
    code: "route_not_found",
  },
  { what: "__proto__ for a job", path: "/v1/jobs/__proto__", asked: text("{}"), status: 404, code: "unknown_job" },
  { what: "an address that is none", path: "/v1/nothing", asked: {}, status: 404, code: "route_not_found" },
  { what: "an id that cannot be one", path: "/v1/jobs/42", asked: {}, status: 404, code: "job_not_found" },
  { what: "an id with a quote", path: "/v1/jobs/'%20or%20'1'='1", asked: {}, status: 404, code: "job_not_found" },
  {
    what: "the nil id",
    path: "/v1/jobs/00000000-0000-0000-0000-000000000000",
    asked: {},
    status: 404,
    code: "job_not_found",
  },
  {
    what: "a method that the address does not know",
    path,
    asked: { method: "PUT" },
    status: 405,
    code: "method_not_allowed",
  },
  { what: "PATCH", path: "/v1/jobs", asked: { method: "PATCH" }, status: 405, code: "method_not_allowed" },
];

describe("bad input", () => {
  afterEach(async () => {
    assert.deepEqual(await api.rig.runtime.reader.list({ tenant: null, limit: 10 }), [], "and changes nothing");
  });

  for (const one of cases)
    test(`${one.what} is ${one.status} ${one.code}`, async () => {
      const { status, headers, body } = await api.ask(one.path ?? path, one.asked);
      assert.equal(status, one.status);
      assert.equal(headers.get("content-type"), "application/problem+json; charset=utf-8");
      assert.equal(body.code, one.code);
      assert.equal(body.status, one.status);
      if (one.at !== undefined)
        assert.deepEqual([...new Set(body.errors.map((e: { path: string }) => e.path))], [one.at]);
    });
});

test("a body of exactly 1 MiB is accepted", async () => {
  assert.equal((await api.ask(path, text(bodyOf(mebibyte)))).status, 202);
});

test("a body that is too large without saying so is refused while it comes, and the connection goes on", async () => {
  const { status, code } = await new Promise<{ status: number; code: string }>((resolve, reject) => {
    const req = request(`${api.url}${path}`, {
      method: "POST",
      headers: { ...json, authorization: `Bearer ${api.key.producer}`, "transfer-encoding": "chunked" },
    });
    req.on("error", reject);
    req.on("response", (res) => {
      let body = "";
      res.on("data", (chunk) => {
        body += chunk;
      });
      res.on("end", () => resolve({ status: res.statusCode!, code: JSON.parse(body).code }));
    });
    for (let sent = 0; sent < 40; sent += 1) req.write("x".repeat(65_536));
    req.end();
  });
  assert.deepEqual([status, code], [413, "body_too_large"]);
});

test("405 says what is allowed", async () => {
  const allowed = async (at: string) => (await api.ask(at, { method: "PUT" })).headers.get("allow");
  assert.equal(await allowed("/v1/jobs"), "GET, HEAD, POST");
  assert.equal(await allowed("/v1/jobs/tests.run"), "DELETE, GET, HEAD, POST");
  assert.equal(await allowed("/openapi.json"), "GET, HEAD");
});

test("text of every script goes through unharmed: emoji, right to left, zero width, ₹", async () => {
  const words = [
    "🧾👩‍👩‍👧",
    "فاتورة",
    "zero\u200bwidth\u202e",
    "₹1,49,950.75",
    "e\u0301\u{10ffff}",
    "x".repeat(10_000),
  ];
  const { status, body } = await api.ask(path, { json: { payload: { words }, tags: words.slice(0, 5) } });
  assert.equal(status, 202);
  const { rows } = await api.rig.runtime.database.executeSql(
    `select payload, tags from ${api.rig.schema}.jobs where id = $1`,
    [body.id],
  );
  assert.deepEqual(rows[0], { payload: { words }, tags: words.slice(0, 5) });
});

test("whatever JSON is sent is accepted or refused with a code, never an internal error", async () => {
  const anything = fc.jsonValue({ depthSize: "medium", stringUnit: "binary" });
  const body = fc.oneof(
    anything,
    fc.record({
      payload: fc.oneof(anything, fc.dictionary(fc.string({ unit: "binary" }), anything)),
      tags: fc.oneof(fc.array(fc.string({ unit: "binary", maxLength: 5 }), { maxLength: 3 }), anything),
    }),
    fc.record({
      payload: fc.constant({}),
      runAt: fc.oneof(
        fc.date({ noInvalidDate: true }).map((d) => d.toISOString()),
        anything,
      ),
    }),
  );
  await fc.assert(
    fc.asyncProperty(body, async (sent) => {
      const answer = await api.ask(path, { json: sent });
      assert.ok([200, 202, 422].includes(answer.status), `${answer.status} ${JSON.stringify(answer.body)}`);
    }),
    { numRuns: 300 },
  );
});
