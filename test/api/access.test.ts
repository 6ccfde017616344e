import assert from "node:assert/strict";
import { request } from "node:http";
import { afterAll, beforeAll, test } from "vitest";
import { testJob, testQueue } from "../rig/jobs.ts";
import { type Served, serve } from "./served.ts";

const queue = testQueue();
const path = "/v1/jobs/tests.run";
const json = { payload: {} };

let api: Served;
beforeAll(async () => {
  const ofTheHouse = testJob(async () => null, { name: "tests.sweep", enqueuedBy: "operator", queue });
  api = await serve({ jobs: [testJob(async () => null, { queue }), ofTheHouse] });
});
afterAll(() => api[Symbol.asyncDispose]());

test("no key, a wrong key and a revoked key are 401, and say how to come in", async () => {
  const none = await api.ask(path, { json, key: null });
  assert.deepEqual([none.status, none.body.code], [401, "unauthenticated"]);
  assert.equal(none.headers.get("www-authenticate"), 'Bearer realm="nightshift"');

  const { keyId, key } = await api.keys.create({ name: "leaver", tenant: "acme", role: "producer" });
  assert.equal((await api.ask(path, { json, key })).status, 202);
  await api.keys.revoke(keyId);
  const wrong = `${api.key.producer.slice(0, -1)}_`;
  for (const bad of [key, wrong, "ns_000000000000_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "x", "bootstrap-key2"]) {
    const { status, headers, body } = await api.ask(path, { json, key: bad });
    assert.deepEqual([status, body.code], [401, "unauthenticated"]);
    assert.equal(headers.get("www-authenticate"), 'Bearer realm="nightshift", error="invalid_token"');
  }
  for (const authorization of ["Basic YTpi", "Bearer", "Bearer a b", api.key.producer])
    assert.equal((await api.ask(path, { json, key: null, headers: { authorization } })).status, 401, authorization);
});

test("whoever has no key learns nothing from the body: 401 comes before 413, 415 and 422", async () => {
  assert.equal((await api.ask(path, { raw: "x".repeat(3_000_000), key: null })).status, 401);
  assert.equal((await api.ask(path, { json: {}, key: null })).status, 401);
  assert.equal((await api.ask("/v1/jobs/no.such", { json, key: null })).status, 401);
});

test("each role may do what is its own, and no more", async () => {
  const may = async (role: "producer" | "viewer" | "operator" | "admin") => {
    const key = api.key[role];
    const enqueued = await api.ask(path, { json, key });
    const { body } = await api.ask(path, { json, key: api.key.admin });
    const read = await api.ask(`/v1/jobs/${body.id}`, { key });
    const redriven = await api.ask(`/v1/jobs/${body.id}/redrive`, { method: "POST", key });
    const cancelled = await api.ask(`/v1/jobs/${body.id}`, { method: "DELETE", key });
    return [enqueued.status, read.status, redriven.status, cancelled.status];
  };
  assert.deepEqual(await may("producer"), [202, 200, 403, 200]);
  assert.deepEqual(await may("viewer"), [403, 200, 403, 403]);
  assert.deepEqual(await may("operator"), [202, 200, 409, 200]);
  assert.deepEqual(await may("admin"), [202, 200, 409, 200]);
});

test("a job of the house is enqueued by operators, and refused to a producer one by one and in bulk", async () => {
  const house = { job: "tests.sweep", payload: {} };
  const own = { job: "tests.run", payload: {}, tags: ["beside the house"] };
  const ask = async (role: "producer" | "operator" | "admin", where: string, body: object) => {
    const { status, body: answer } = await api.ask(where, { json: body, key: api.key[role] });
    return [status, answer.code];
  };
  for (const [where, body] of [
    ["/v1/jobs/tests.sweep", { payload: {} }],
    ["/v1/jobs/tests.sweep", { payload: "not even looked at" }],
    ["/v1/jobs", { jobs: [own, house] }],
    ["/v1/jobs", { jobs: [{ job: "no.such", payload: {} }, house] }],
    ["/v1/batches", { jobs: [own, house] }],
    ["/v1/batches", { jobs: [own], completion: house }],
  ] as const)
    assert.deepEqual(await ask("producer", where, body), [403, "forbidden"], where);
  assert.deepEqual((await api.ask("/v1/jobs?tag=beside%20the%20house")).body.items, [], "all or nothing");

  const partial = await api.ask("/v1/jobs?partial=true", { json: { jobs: [own, house] } });
  assert.deepEqual(
    partial.body.items.map((item: { status: number; problem?: { code: string } }) => [item.status, item.problem?.code]),
    [
      [202, undefined],
      [403, "forbidden"],
    ],
  );
  for (const role of ["operator", "admin"] as const) {
    assert.deepEqual(await ask(role, "/v1/jobs/tests.sweep", { payload: {} }), [202, undefined]);
    assert.deepEqual(await ask(role, "/v1/jobs", { jobs: [own, house] }), [202, undefined]);
  }
});

test("whose work a job is, is told before anybody tries: in the list of job types and in the description", async () => {
  const { body } = await api.ask("/v1/job-types");
  assert.deepEqual(
    body.items.map(({ job, enqueuedBy }: { job: string; enqueuedBy: string }) => [job, enqueuedBy]),
    [
      ["tests.run", "producer"],
      ["tests.sweep", "operator"],
    ],
  );
  const { paths } = (await api.ask("/openapi.json", { key: null })).body;
  assert.match(paths["/v1/jobs/tests.sweep"].post.description, /a key that may operate/);
  assert.doesNotMatch(paths["/v1/jobs/tests.run"].post.description, /a key that may operate/);
});

test("a key of all tenants says whose work it is; without that nothing is accepted", async () => {
  const as = (tenant?: string) =>
    api.ask(path, {
      json,
      key: api.key.everyone,
      headers: tenant === undefined ? {} : { "nightshift-tenant": tenant },
    });
  assert.deepEqual((({ status, body }) => [status, body.code])(await as()), [400, "tenant_required"]);
  assert.equal((await as("globex")).body.tenant, "globex");
  for (const bad of ["*", "Globex", "", "a b", "-x", "x".repeat(64)])
    assert.deepEqual((({ status, body }) => [status, body.code])(await as(bad)), [400, "invalid_tenant"], bad);
});

test("a key of one tenant may name its own, and is refused when it names another", async () => {
  const own = await api.ask(path, { json, headers: { "nightshift-tenant": "acme" } });
  assert.deepEqual([own.status, own.body.tenant], [202, "acme"]);
  const other = await api.ask(path, { json, headers: { "nightshift-tenant": "globex" } });
  assert.deepEqual([other.status, other.body.code], [403, "tenant_forbidden"]);
});

test("health and metrics are open on loopback; through a proxy they need a key, metrics one of all tenants", async () => {
  assert.deepEqual((await api.ask("/healthz", { key: null })).body, { status: "ok" });
  assert.deepEqual((await api.ask("/readyz", { key: null })).body, {
    status: "ready",
    checks: [{ name: "postgres", ok: true }],
  });
  const metrics = await api.ask("/metrics", { key: null });
  assert.deepEqual(
    [metrics.body, metrics.headers.get("content-type")],
    ["up 1\n", "text/plain; version=0.0.4; charset=utf-8"],
  );

  const headers = { "x-forwarded-for": "203.0.113.7" };
  for (const at of ["/healthz", "/readyz", "/metrics"])
    assert.equal((await api.ask(at, { key: null, headers })).status, 401, at);
  for (const at of ["/healthz", "/readyz"]) assert.equal((await api.ask(at, { headers })).status, 200, at);
  assert.equal((await api.ask("/metrics", { headers })).status, 403);
  assert.equal((await api.ask("/metrics", { headers, key: api.key.everyone })).status, 200);
});

test("a store that is away makes /readyz 503 and says which", async () => {
  const before = api.health.checks;
  api.health.checks = [...before, { name: "redis", ok: false, detail: "ECONNREFUSED" }];
  const { status, body } = await api.ask("/readyz", { key: null });
  api.health.checks = before;
  assert.equal(status, 503);
  assert.deepEqual(body.checks[1], { name: "redis", ok: false, detail: "ECONNREFUSED" });
  assert.equal(body.status, "not-ready");
});

test("every answer carries the protective headers and none that tells what we run on", async () => {
  for (const [at, asked] of [
    ["/v1/jobs", {}],
    ["/v1/jobs", { key: null }],
    ["/nowhere", {}],
    ["/docs", {}],
    ["/openapi.json", {}],
    ["/healthz", {}],
  ] as const) {
    const { headers } = await api.ask(at, asked);
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("x-powered-by"), null);
    assert.equal(headers.get("access-control-allow-origin"), null);
    assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
    assert.equal(headers.get("etag"), null);
  }
});

test("one line of log per request: pattern instead of address, no query values, no payload, no key", async () => {
  const { lines } = api.rig;
  lines.length = 0;
  const answer = await api.ask("/v1/jobs?tag=person%40example.com", {});
  await api.ask(path, { json: { payload: { name: "Ada Lovelace" } } });
  await api.ask("/v1/jobs/0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90", { key: null });
  await api.rig.until(() => lines.filter(({ event }) => event === "request.finished").length === 3);
  const finished = lines.filter(({ event }) => event === "request.finished").map(({ fields }) => fields);
  assert.deepEqual(
    finished.map(({ method, route, status, tenant }) => [method, route, status, tenant]),
    [
      ["GET", "/v1/jobs", 200, "acme"],
      ["POST", "/v1/jobs/{job}", 202, "acme"],
      ["GET", "/v1/jobs/{id}", 401, undefined],
    ],
  );
  assert.equal(finished[0]!.requestId, answer.headers.get("x-request-id"));
  assert.match(String(finished[0]!.keyId), /^[0-9a-f]{12}$/);
  assert.equal(typeof finished[0]!.durationMs, "number");
  const all = JSON.stringify(lines);
  for (const word of ["example.com", "Lovelace", api.key.producer]) assert.equal(all.includes(word), false, word);
});

test("a request that is cut off before its body is whole changes nothing and is logged as aborted", async () => {
  api.rig.lines.length = 0;
  const cut = request(`${api.url}${path}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${api.key.producer}`,
      "content-type": "application/json",
      "content-length": 1_000,
    },
  });
  cut.on("error", () => undefined);
  cut.write('{"payload":');
  await new Promise((resolve) => cut.on("socket", (socket) => socket.on("connect", resolve)));
  cut.destroy();
  const line = await api.rig.until(() => api.rig.lines.find(({ event }) => event === "request.finished"));
  assert.equal(line.fields.aborted, true);
  assert.equal(
    api.rig.lines.some(({ level }) => level === "error"),
    false,
  );
});
