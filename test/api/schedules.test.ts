import assert from "node:assert/strict";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createClient } from "../../src/client/client.ts";
import { hours, minutes, seconds } from "../../src/core/duration.ts";
import { presets } from "../../src/scheduler/presets.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { testJob } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { type Served, serve } from "./served.ts";

const job = testJob(async () => undefined, { payload: z.strictObject({ size: z.int().max(10).optional() }) });
const body = { job: job.name, payload: {}, cron: "30 2 * * *", timeZone: "Europe/Berlin" };

let api: Served;
beforeAll(async () => {
  api = await serve({ jobs: [job] });
});
afterAll(() => api[Symbol.asyncDispose]());

const at = (name: string) => `/v1/schedules/${name}`;
const put = (name: string, json: unknown, key = api.key.operator) => api.ask(at(name), { method: "PUT", json, key });
const post = (name: string, verb: string, key = api.key.operator) =>
  api.ask(`${at(name)}/${verb}`, { method: "POST", key });
const count = async () => (await api.ask("/v1/schedules?limit=200", { key: api.key.everyone })).body.items.length;
const audit = async (name: string) => {
  const { database, schema } = { ...api.rig.runtime, schema: api.rig.schema };
  const text = `select action, tenant, details from ${schema}.audit where subject = $1 order by id`;
  return (await database.executeSql(text, [`schedule/${name}`])).rows;
};

test("a schedule is made, read, changed and deleted; every change is in the audit with the key's role", async () => {
  const made = await put("nightly", { ...body, payload: { size: 3 }, overlap: "skip", spreadMs: 1_000 });
  assert.deepEqual([made.status, made.headers.get("location")], [201, at("nightly")]);
  expect(made.body).toMatchObject({
    name: "nightly",
    tenant,
    job: job.name,
    payload: { size: 3 },
    cron: "30 2 * * *",
    timeZone: "Europe/Berlin",
    gap: "later",
    overlap: "skip",
    missed: "once",
    spreadMs: 1_000,
    paused: null,
    last: { tick: null, jobId: null },
    fired: 0,
    origin: "api",
    edited: false,
    declaredDiffers: false,
    revision: 1,
  });
  assert.match(made.body.sentence, /Europe\/Berlin/);
  assert.match(made.body.next.local, /T0[23]:[03]0:00\+0[12]:00$/);
  assert.ok(Date.parse(made.body.next.dueAt) >= Date.parse(made.body.next.utc));
  assert.deepEqual((await api.ask(at("nightly"), { key: api.key.viewer })).body, made.body);

  const same = await put("nightly", { ...body, payload: { size: 3 }, overlap: "skip", spreadMs: 1_000 });
  assert.deepEqual([same.status, same.body.revision], [200, 1], "safe to repeat");
  const changed = await put("nightly", { ...body, everyMs: hours(2), cron: undefined });
  assert.deepEqual(
    [changed.status, changed.body.everyMs, changed.body.cron, changed.body.revision],
    [200, hours(2), undefined, 2],
  );

  assert.equal((await api.ask(at("nightly"), { method: "DELETE", key: api.key.operator })).status, 204);
  const gone = await api.ask(at("nightly"), { key: api.key.operator });
  assert.deepEqual([gone.status, gone.body.code], [404, "schedule_not_found"]);
  const lines = await audit("nightly");
  assert.deepEqual(
    lines.map(({ action }) => action),
    ["schedule.create", "schedule.change", "schedule.delete"],
  );
  assert.deepEqual(
    [lines[1]!.tenant, lines[1]!.details.role, lines[1]!.details.changed],
    [tenant, "operator", ["payload", "rule", "overlap", "spreadMs"]],
  );
});

test("a preset is a rule by name", async () => {
  const [name, preset] = Object.entries(presets).find(([, { rule }]) => rule.cron !== undefined)!;
  const { cron: _, ...rest } = body;
  assert.equal((await put("by-preset", { ...rest, preset: name })).body.cron, preset.rule.cron);
});

test("bad input is refused with the path and the code of every problem, and nothing is stored", async () => {
  const before = await count();
  const { cron: _, ...noRule } = body;
  const cases: [Record<string, unknown> | unknown, (string | RegExp)[][]][] = [
    [{ ...body, cron: "61 2 * * *" }, [["cron", /./]]],
    [{ ...body, cron: "never" }, [["cron", /./]]],
    [{ ...noRule, rrule: "FREQ=SOMETIMES" }, [["rrule", /./]]],
    [{ ...body, timeZone: "Europe/Berln" }, [["timeZone", /zone/]]],
    [{ ...body, cron: "0 0 30 2 *" }, [[/.*/, /never|fire/]]],
    [{ ...noRule, everyMs: 999 }, [["everyMs", "too_small"]]],
    [{ ...body, startsAt: "2027-02-01T00:00:00Z", endsAt: "2027-01-01T00:00:00Z" }, [["endsAt", /./]]],
    [{ ...body, payload: { size: 11 } }, [["payload.size", "too_big"]]],
    [{ ...body, payload: { color: 1 } }, [["payload.color", "unrecognized_key"]]],
    [{ ...body, job: "no.such" }, [["job", "unknown_job"]]],
    [{ ...noRule, preset: "no-such" }, [["preset", "unknown_preset"]]],
    [noRule, [["", "rule_missing"]]],
    [{ ...body, everyMs: minutes(1) }, [["", "rule_ambiguous"]]],
    [
      { ...body, missed: "maybe", overlap: 3, spreadMs: -1 },
      [
        ["overlap", /./],
        ["missed", /./],
        ["spreadMs", /./],
      ],
    ],
    [{ ...body, color: "red" }, [["color", "unrecognized_key"]]],
    [
      { ...body, job: "no.such", timeZone: "Mars/Olympus", missed: "maybe" },
      [
        ["missed", /./],
        ["job", /./],
        ["timeZone", /./],
      ],
    ],
    ["text", [["", /./]]],
  ];
  for (const [json, expected] of cases) {
    const { status, body: answer } = await put("refused", json);
    assert.deepEqual([status, answer.code], [422, "invalid_input"], JSON.stringify(json));
    for (const [path, code] of expected) {
      const is = (found: string | undefined, wanted: string | RegExp) =>
        typeof wanted === "string" ? found === wanted : wanted.test(found ?? "");
      const found = answer.errors.find(
        (one: { path: string; code?: string }) => is(one.path, path!) && is(one.code, code!),
      );
      assert.ok(found, `${JSON.stringify(json)} → ${path} ${code} in ${JSON.stringify(answer.errors)}`);
    }
  }
  const zone = (await put("refused", { ...body, timeZone: "Europe/Berln" })).body.errors[0];
  assert.match(zone.message, /Europe\/Berlin/, "the nearest zone is suggested");
  const name = await put("No%20Name", body);
  assert.deepEqual([name.status, name.body.errors[0].path], [422, "name"]);
  assert.equal(await count(), before);
  assert.deepEqual(await audit("refused"), []);
});

test("each role may do what is its own, and each tenant sees its own schedules", async () => {
  for (const key of [api.key.producer, api.key.viewer]) {
    assert.equal((await put("roles", body, key)).status, 403);
    assert.equal((await post("roles", "pause", key)).status, 403);
    assert.equal((await post("roles", "resume", key)).status, 403);
    assert.equal((await post("roles", "run", key)).status, 403);
    assert.equal((await api.ask(at("roles"), { method: "DELETE", key })).status, 403);
  }
  assert.equal((await put("roles", body, api.key.admin)).status, 201);
  for (const key of [api.key.producer, api.key.viewer, api.key.operator])
    for (const path of [at("roles"), `${at("roles")}/preview`, `${at("roles")}/ticks`, "/v1/schedules"])
      assert.equal((await api.ask(path, { key })).status, 200, path);
  assert.equal((await api.ask(at("roles"), { key: api.key.stranger })).status, 404);
  assert.equal((await post("roles", "run", api.key.stranger)).status, 404);
  assert.equal(
    (await put("roles", { ...body, payload: { size: 1 } }, api.key.stranger)).status,
    201,
    "a name is a tenant's",
  );
  assert.deepEqual((await api.ask(at("roles"))).body.payload, {});

  const house = await put("roles", body, api.key.everyone);
  assert.deepEqual([house.status, house.body.tenant], [201, "*"], "a key of all tenants that names none: the house's");
  const named = await api.ask(at("roles"), { key: api.key.everyone, headers: { "nightshift-tenant": "globex" } });
  assert.deepEqual(named.body.payload, { size: 1 });
});

test("pages of the list neither repeat nor leave out", async () => {
  for (let index = 0; index < 5; index += 1) await put(`page-${index}`, body);
  const names: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body: page } = await api.ask(`/v1/schedules?limit=2${cursor && `&cursor=${cursor}`}`);
    names.push(...page.items.map((item: { name: string }) => item.name));
    cursor = page.nextCursor;
  }
  assert.deepEqual(names, names.toSorted());
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.filter((name) => name.startsWith("page-")).length === 5);
  const bad = await api.ask("/v1/schedules?cursor=!!!");
  assert.deepEqual([bad.status, bad.body.errors[0].code], [422, "invalid_cursor"]);
});

test("the preview tells local and UTC times, with a note where a gap or a repeat decided", async () => {
  await put("clock", body);
  const spring = await api.ask(`${at("clock")}/preview?count=3&from=2027-03-26T12:00:00Z`);
  assert.deepEqual(spring.body.ticks, [
    { utc: "2027-03-27T01:30:00.000Z", local: "2027-03-27T02:30:00+01:00" },
    { utc: "2027-03-28T01:00:00.000Z", local: "2027-03-28T03:00:00+02:00", note: "gap" },
    { utc: "2027-03-29T00:30:00.000Z", local: "2027-03-29T02:30:00+02:00" },
  ]);
  const autumn = await api.ask(`${at("clock")}/preview?count=1&from=2027-10-30T12:00:00Z`);
  assert.deepEqual(autumn.body.ticks, [
    { utc: "2027-10-31T00:30:00.000Z", local: "2027-10-31T02:30:00+02:00", note: "repeat" },
  ]);
  assert.equal((await api.ask(`${at("clock")}/preview`)).body.ticks.length, 20);
  for (const bad of ["count=0", "count=501", "from=now", "color=red"])
    assert.equal((await api.ask(`${at("clock")}/preview?${bad}`)).status, 422, bad);
});

test("what the preview shows is what fires; the history says so with the jobs", async () => {
  const { cron: _, ...rest } = body;
  await put("each-second", { ...rest, everyMs: seconds(1) });
  const { body: preview } = await api.ask(`${at("each-second")}/preview?count=60`);
  const scheduler = new Scheduler({ ...api.rig.runtime, timeZone: "UTC" });
  await scheduler.start();
  const items = await api.rig.until(async () => {
    const { body: page } = await api.ask(`${at("each-second")}/ticks`);
    return page.items.length >= 3 && page.items;
  });
  await scheduler.stop(5_000);
  const fired = items.map(({ tick }: { tick: string }) => tick).reverse();
  const planned = preview.ticks.map(({ utc }: { utc: string }) => utc);
  const from = planned.indexOf(fired[0]);
  assert.ok(from === 0 || from === 1, "the first one to come when the schedule was made, or the one after");
  assert.deepEqual(fired, planned.slice(from, from + fired.length));
  assert.equal(items[0].outcome, "enqueued");
  assert.equal((await api.ask(`/v1/jobs/${items[0].jobId}`)).body.job, job.name);
  const { body: page } = await api.ask(`${at("each-second")}/ticks?limit=1`);
  const { body: second } = await api.ask(`${at("each-second")}/ticks?limit=1&cursor=${page.nextCursor}`);
  assert.equal(Date.parse(page.items[0].tick) - Date.parse(second.items[0].tick), seconds(1));
});

test("a paused schedule plans nothing and goes on with the first tick from now; both are safe to repeat", async () => {
  const { cron: _, ...rest } = body;
  await put("paused", { ...rest, everyMs: hours(1) });
  for (let times = 0; times < 2; times += 1) {
    const { status, body: view } = await post("paused", "pause");
    assert.deepEqual([status, view.paused.why, view.next], [200, "operator", null]);
  }
  assert.equal((await put("paused", { ...rest, everyMs: hours(2) })).body.next, null, "a change does not resume it");
  const { body: resumed } = await post("paused", "resume");
  assert.equal(resumed.paused, null);
  assert.ok(Date.parse(resumed.next.utc) > Date.now());
  await post("paused", "resume");
  const actions = (await audit("paused")).map(({ action }) => action);
  assert.deepEqual(actions, ["schedule.create", "schedule.pause", "schedule.change", "schedule.resume"]);
});

test("run enqueues its job now, also when paused, and leaves the next tick where it is", async () => {
  await put("run", { ...body, payload: { size: 7 } });
  const { body: before } = await api.ask(at("run"));
  const { status, headers, body: receipt } = await post("run", "run");
  assert.deepEqual([status, headers.get("location")], [202, `/v1/jobs/${receipt.id}`]);
  const { body: after } = await api.ask(at("run"));
  assert.deepEqual([after.next, after.fired, after.last.jobId], [before.next, 0, receipt.id]);
  await post("run", "pause");
  assert.equal((await post("run", "run")).status, 202);

  const headersOnce = { "idempotency-key": "once" };
  const once = () => api.ask(`${at("run")}/run`, { method: "POST", key: api.key.operator, headers: headersOnce });
  const [first, again] = [await once(), await once()];
  assert.deepEqual([again.body.id, again.headers.get("idempotency-replayed")], [first.body.id, "true"]);
  assert.equal((await audit("run")).filter(({ action }) => action === "schedule.run").length, 3);
});

test("the client does all of it", async () => {
  const { schedules } = createClient({ baseUrl: api.url, key: api.key.operator });
  const made = await schedules.put("client", {
    job,
    payload: {},
    preset: Object.keys(presets)[0]!,
    timeZone: "Asia/Kolkata",
  });
  assert.equal(made.timeZone, "Asia/Kolkata");
  assert.deepEqual(await schedules.get("client"), made);
  assert.ok((await Array.fromAsync(schedules.list({ job: job.name }))).some(({ name }) => name === "client"));
  assert.equal((await schedules.preview("client", { count: 2, from: "2027-01-01T00:00:00Z" })).length, 2);
  assert.equal((await schedules.pause("client")).paused?.why, "operator");
  assert.equal((await schedules.resume("client")).paused, null);
  assert.equal((await schedules.run("client", { idempotencyKey: "client-1" })).job, job.name);
  assert.deepEqual(await Array.fromAsync(schedules.ticks("client")), []);
  await schedules.delete("client");
  await assert.rejects(schedules.get("client"), { code: "schedule_not_found" });
});
