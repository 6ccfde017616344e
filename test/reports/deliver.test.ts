import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { z } from "zod";
import { generate } from "#jobs/documents/generate.job.ts";
import { deliverJob } from "#jobs/reports/deliver.job.ts";
import { periodAt } from "#jobs/reports/relative-period.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { seconds } from "../../src/core/duration.ts";
import type { JobDefinition } from "../../src/core/job.ts";
import { fixed } from "../../src/core/retry.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { type Served, serve } from "../api/served.ts";
import { openPdf } from "../documents/pdf.ts";
import { type CountingSmtp, startSmtp } from "../reminders/smtp.ts";
import { openMail } from "./mail.ts";
import { countedReport, reportRig } from "./stage.ts";

const people = { asha: "asha@example.com", bela: "bela@example.com" };
const job = "/v1/jobs/reports.deliver";
const personal = /Asha Rao|Bela Sen|example\.com/;

const sales = () =>
  countedReport({
    name: "sales",
    title: "Sales",
    chart: { kind: "bar", x: "tenant", y: ["n"] },
    params: z.strictObject({ from: z.iso.date(), to: z.iso.date(), timeZone: z.string().default("UTC") }),
  });

async function stage(smtp: CountingSmtp | null, { counted = countedReport(), clock }: Stage = {}) {
  const period = sales();
  const reports = [counted.report, period.report];
  const rig = reportRig(...reports);
  // As shipped, but for its patience: a test does not wait 15 s for a second attempt.
  const deliver: JobDefinition = {
    ...(deliverJob(reports) as JobDefinition),
    retry: fixed({ attempts: 4, delayMs: 50 }),
  };
  const api = await serve({
    ...rig,
    jobs: [...rig.jobs, generate, deliver],
    queues: [...rig.queues, generate.queue, deliver.queue],
    ...(clock && { clock }),
    ...(smtp && { channels: { smtpUrl: smtp.url, mailFrom: "Nightshift <n@house.example>" } }),
  });
  for (const [id, email] of Object.entries(people)) {
    const put = await api.ask(`/v1/reports/recipients/${id}`, {
      method: "PUT",
      json: { name: id === "asha" ? "Asha Rao" : "Bela Sen", email },
      key: api.key.operator,
    });
    assert.equal(put.status, 201, JSON.stringify(put.body));
  }
  return api;
}
interface Stage {
  readonly counted?: ReturnType<typeof countedReport>;
  readonly clock?: ManualClock;
}

async function order(api: Served, payload: object): Promise<string> {
  const { status, body } = await api.ask(job, { json: { payload }, key: api.key.operator });
  assert.equal(status, 202, JSON.stringify(body));
  return body.id;
}

/** Nothing of a person in the log, the jobs, their steps, the schedules or the audit. */
async function assertNothingPersonal({ rig }: Served): Promise<void> {
  assert.doesNotMatch(JSON.stringify(rig.lines), personal);
  for (const table of ["jobs", "steps", "schedules", "audit"]) {
    const { rows } = await rig.runtime.database.executeSql(`select * from ${rig.schema}.${table}`);
    assert.doesNotMatch(JSON.stringify(rows), personal, table);
  }
}

test("a report is mailed to each recipient as CSV: computed, attached, with a Message-ID that is always the same", async () => {
  await using smtp = await startSmtp();
  const counted = countedReport({ say: () => "=1+1" });
  await using api = await stage(smtp, { counted });
  await api.rig.work();
  const id = await order(api, {
    report: "counted",
    params: { n: "7" },
    format: "csv",
    recipients: ["asha", "bela"],
  });
  const { state, result, steps } = { steps: [], ...(await api.ask(`/v1/jobs/${id}?wait=60s`)).body };
  assert.equal(state, "completed");
  assert.deepEqual(
    [result.fileName, result.rows, result.sent, counted.computations.length],
    ["counted.csv", 1, 2, 1],
    JSON.stringify(steps),
  );
  const mails = smtp.texts.map(openMail);
  assert.deepEqual(
    mails.map(({ to, subject }) => [to, subject]),
    [
      ["Asha Rao <asha@example.com>", `Counted: ${result.asOf.slice(0, 10)}`],
      ["Bela Sen <bela@example.com>", `Counted: ${result.asOf.slice(0, 10)}`],
    ],
  );
  const served = await api.fetch("/v1/reports/counted?n=7&format=csv");
  const csv = Buffer.from(await served.arrayBuffer());
  assert.equal(csv.toString(), 'tenant,n,say\r\nacme,7,"\'=1+1"\r\n');
  for (const { attachment } of mails) {
    assert.deepEqual([attachment.fileName, attachment.contentType], ["counted.csv", "text/csv"]);
    assert.deepEqual(Buffer.from(attachment.bytes), csv, "the file is what the API serves");
  }
  assert.equal(new Set(mails.map(({ messageId }) => messageId)).size, 2);
  for (const { messageId } of mails) assert.match(messageId, /^<[0-9a-f]{32}@house\.example>$/);
  await assertNothingPersonal(api);
});

test("a PDF is printed once for all recipients, and opens", async () => {
  await using smtp = await startSmtp();
  await using api = await stage(smtp);
  await api.rig.work();
  const id = await order(api, { report: "counted", params: { n: 42 }, recipients: ["asha", "bela"] });
  const { state, error } = (await api.ask(`/v1/jobs/${id}?wait=60s`)).body;
  assert.equal(state, "completed", JSON.stringify(error));
  const [first, second] = smtp.texts.map(openMail);
  assert.match(first!.attachment.fileName, /^counted-\d{4}-\d\d-\d\d\.pdf$/);
  assert.equal(first!.attachment.contentType, "application/pdf");
  const pdf = await openPdf(first!.attachment.bytes);
  for (const text of ["Counted", "n 42", "acme"]) assert.ok(pdf.pages[0]!.includes(text), text);
  assert.deepEqual(second!.attachment.bytes, first!.attachment.bytes);
  assert.equal((await api.ask("/v1/jobs?job=documents.generate")).body.items.length, 1);
});

test("a server that says 'not now' to one recipient is asked again for that one alone", async () => {
  let refusals = 2;
  await using smtp = await startSmtp(undefined, {
    onRcptTo({ address }, _session, callback) {
      if (address === people.bela && refusals-- > 0)
        return callback(Object.assign(new Error("later"), { responseCode: 451 }));
      callback();
    },
  });
  await using api = await stage(smtp);
  await api.rig.work();
  const id = await order(api, { report: "counted", format: "csv", recipients: ["bela", "asha"] });
  const { state, attempts } = await api.rig.settled(id);
  assert.equal(state, "completed");
  assert.equal(attempts.filter(({ outcome }) => outcome === "failed").length, 2);
  assert.deepEqual([...smtp.taken.values()], [1, 1], "each message once");
  await assertNothingPersonal(api);
});

test("an answer that is lost is unknown: the job is a dead letter that names who, and neither retry nor redrive mails again", async () => {
  await using smtp = await startSmtp(async (text) => (text.includes(people.asha) ? "hang-up" : undefined));
  await using api = await stage(smtp);
  await api.rig.work();
  const id = await order(api, { report: "counted", format: "csv", recipients: ["asha", "bela"] });
  const dead = await api.rig.settled(id);
  assert.deepEqual([dead.state, dead.error?.code], ["dead", "report_not_delivered"]);
  assert.deepEqual(dead.error?.details, {
    ...{ notSent: [], refused: [], missing: [], unknown: ["asha"] },
    codes: { asha: "answer_lost" },
  });
  assert.equal(dead.attempts.length, 1, "another attempt would help nobody");
  const redriven = await api.rig.until(async () => {
    const { status } = await api.ask(`/v1/jobs/${id}/redrive`, { method: "POST", key: api.key.operator });
    return status === 202 || status === 200;
  });
  assert.ok(redriven);
  await api.rig.until(async () => {
    const view = await api.rig.runtime.reader.find(null, id);
    return view?.state === "dead" && view.attempts.length === 2;
  });
  assert.deepEqual([...smtp.taken.values()], [1, 1]);
});

test("a recipient that is refused or gone does not keep the others from theirs; mended and redriven, they get it", async () => {
  let refuses = true;
  await using smtp = await startSmtp(undefined, {
    onRcptTo({ address }, _session, callback) {
      if (refuses && address === people.asha)
        return callback(Object.assign(new Error("no such user"), { responseCode: 550 }));
      callback();
    },
  });
  await using api = await stage(smtp);
  const id = await order(api, { report: "counted", format: "csv", recipients: ["asha", "bela"] });
  const path = "/v1/reports/recipients/bela";
  const gone = await api.ask(path, { method: "DELETE", key: api.key.operator });
  assert.equal(gone.status, 204);
  await api.rig.work();
  const dead = await api.rig.settled(id);
  assert.deepEqual(dead.error?.details, {
    ...{ notSent: [], refused: ["asha"], missing: ["bela"], unknown: [] },
    codes: { asha: "message_undeliverable" },
  });
  refuses = false;
  await api.ask(path, { method: "PUT", json: { name: "Bela", email: people.bela }, key: api.key.operator });
  await api.rig.until(async () => {
    const { status } = await api.ask(`/v1/jobs/${id}/redrive`, { method: "POST", key: api.key.operator });
    return status < 300;
  });
  await api.rig.until(async () => (await api.rig.runtime.reader.find(null, id))?.state === "completed");
  assert.deepEqual([...smtp.taken.values()], [1, 1]);
});

test("without a mail server configured the job is a dead letter that says so", async () => {
  await using api = await stage(null);
  await api.rig.work();
  const id = await order(api, { report: "counted", format: "csv", recipients: ["asha"] });
  const { state, error } = await api.rig.settled(id);
  assert.deepEqual([state, error?.code], ["dead", "report_not_delivered"]);
  assert.deepEqual(error?.details?.codes, { asha: "channel_not_configured" });
});

describe("at the door", () => {
  const refusals: [string, object, string[]][] = [
    ["an unknown report", { report: "horoscope", recipients: ["asha"] }, ["payload.report invalid_value"]],
    [
      "bad parameters, beside whatever else is wrong",
      { report: "counted", params: { n: "x", m: 1 }, format: "xls", recipients: [] },
      [
        "payload.format invalid_value",
        "payload.params.m unrecognized_key",
        "payload.params.n invalid_type",
        "payload.recipients too_small",
      ],
    ],
    ["an address for an id", { report: "counted", recipients: [people.asha] }, ["payload.recipients.0 invalid_format"]],
    ["somebody twice", { report: "counted", recipients: ["asha", "asha"] }, ["payload.recipients repeated"]],
    [
      "nobody whom we know",
      { report: "counted", recipients: ["asha", "carl"] },
      ["payload.recipients.1 unknown_recipient"],
    ],
    [
      "a period that the report does not take",
      { report: "counted", period: "last-week", recipients: ["asha"] },
      ["payload.period period_not_taken"],
    ],
    [
      "a period and days",
      { report: "sales", period: "last-week", params: { from: "2026-01-01" }, recipients: ["asha"] },
      ["payload.params.from contradiction"],
    ],
    [
      "days that are missing",
      { report: "sales", recipients: ["asha"] },
      ["payload.params.from invalid_type", "payload.params.to invalid_type"],
    ],
  ];
  test.each(refusals)("%s is refused with its path, as a job and as a schedule", async (_what, payload, expected) => {
    await using api = await stage(null);
    const key = api.key.operator;
    const schedule = { job: "reports.deliver", payload, cron: "0 8 * * 1" };
    const asked = await Promise.all([
      api.ask(job, { json: { payload }, key }),
      api.ask(job, { json: { payload }, key, headers: { "idempotency-key": "once" } }),
      api.ask("/v1/schedules/weekly", { method: "PUT", json: schedule, key }),
    ]);
    for (const { status, body } of asked) {
      assert.equal(status, 422, JSON.stringify(body));
      const found = body.errors.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`);
      assert.deepEqual(found.sort(), expected);
    }
    for (const table of ["jobs", "schedules"]) {
      const { rows } = await api.rig.runtime.database.executeSql(`select 1 from ${api.rig.schema}.${table}`);
      assert.equal(rows.length, 0, table);
    }
  });

  test("in bulk each job is answered at its place, also in one commit; another tenant's recipients are nobody", async () => {
    await using api = await stage(null);
    const entry = (recipient: string) => ({
      job: "reports.deliver",
      payload: { report: "counted", recipients: [recipient] },
    });
    const json = { jobs: [entry("asha"), entry("carl"), entry("bela")] };
    const key = api.key.operator;
    const all = await api.ask("/v1/jobs", { json, key });
    assert.equal(all.status, 422);
    assert.equal(all.body.errors[0].path, "jobs.1.payload.recipients.0");
    for (const headers of [{}, { "idempotency-key": "once" }]) {
      const { status, body } = await api.ask("/v1/jobs?partial=true", { json, key, headers });
      assert.deepEqual([status, body.items.map((item: { status: number }) => item.status)], [207, [202, 422, 202]]);
      assert.equal(body.items[1].problem.errors[0].path, "jobs.1.payload.recipients.0");
    }
    const stranger = await api.ask(job, { json: { payload: entry("asha").payload }, key: api.key.stranger });
    assert.equal(stranger.body.errors[0].code, "unknown_recipient");
    const producer = await api.ask(job, { json: { payload: entry("asha").payload } });
    assert.deepEqual([producer.status, producer.body.code], [403, "forbidden"]);
  });
});

test("each Monday at 08:00: the schedule's ticks are those of its zone, and its job mails the week before", async () => {
  await using smtp = await startSmtp();
  const clock = new ManualClock("2026-11-16T02:30:00Z"); // Monday 08:00 in Kolkata
  await using api = await stage(smtp, { clock });
  await api.rig.work();
  const key = api.key.operator;
  const json = {
    job: "reports.deliver",
    preset: "weekly-report",
    timeZone: "Asia/Kolkata",
    payload: {
      report: "sales",
      params: { timeZone: "Asia/Kolkata" },
      period: "last-week",
      format: "csv",
      recipients: ["asha"],
    },
  };
  const put = await api.ask("/v1/schedules/weekly-sales", { method: "PUT", json, key });
  assert.equal(put.status, 201, JSON.stringify(put.body));
  const { body } = await api.ask("/v1/schedules/weekly-sales/preview?count=2&from=2026-11-10T00:00:00Z", { key });
  assert.deepEqual(
    body.ticks.map(({ local }: { local: string }) => local),
    ["2026-11-16T08:00:00+05:30", "2026-11-23T08:00:00+05:30"],
  );
  const run = await api.ask("/v1/schedules/weekly-sales/run", { method: "POST", key });
  const { state, error } = (await api.ask(`/v1/jobs/${run.body.id}?wait=60s`)).body;
  assert.equal(state, "completed", JSON.stringify(error));
  const [mail] = smtp.texts.map(openMail);
  assert.equal(mail!.subject, "Sales: 2026-11-09 to 2026-11-15");
  assert.equal(mail!.attachment.fileName, "sales-2026-11-09_2026-11-15.csv");
  await assertNothingPersonal(api);
});

test("two schedulers and two ticks: each tick mails each recipient once, as a message of its own", async () => {
  await using smtp = await startSmtp();
  await using api = await stage(smtp);
  await api.rig.work();
  const payload = { report: "counted", format: "csv", recipients: ["asha", "bela"] };
  const json = { job: "reports.deliver", payload, everyMs: seconds(1), limit: 2 };
  const put = await api.ask("/v1/schedules/twice", { method: "PUT", json, key: api.key.operator });
  assert.equal(put.status, 201, JSON.stringify(put.body));
  const schedulers = [1, 2].map(() => new Scheduler({ ...api.rig.runtime, timeZone: "UTC" }));
  await Promise.all(schedulers.map((one) => one.start()));
  const jobs = await api.rig.until(async () => {
    const { body } = await api.ask("/v1/jobs?job=reports.deliver&state=completed");
    return body.items.length === 2 && body.items;
  });
  await Promise.all(schedulers.map((one) => one.stop(5_000)));
  assert.equal(new Set(jobs.map(({ id }: { id: string }) => id)).size, 2);
  assert.deepEqual([...smtp.taken.values()], [1, 1, 1, 1]);
});

test.each([
  ["yesterday", "2026-03-01T00:00:00Z", "UTC", "2026-02-28", "2026-02-28"],
  ["yesterday", "2026-02-28T19:00:00Z", "Asia/Kolkata", "2026-02-28", "2026-02-28"],
  ["last-7-days", "2026-11-20T12:00:00Z", "UTC", "2026-11-13", "2026-11-19"],
  ["last-week", "2026-11-16T00:00:00Z", "UTC", "2026-11-09", "2026-11-15"],
  ["last-week", "2026-11-22T23:00:00Z", "UTC", "2026-11-09", "2026-11-15"],
  ["last-week", "2026-11-16T03:00:00Z", "America/New_York", "2026-11-02", "2026-11-08"],
  ["last-month", "2026-03-31T12:00:00Z", "UTC", "2026-02-01", "2026-02-28"],
  ["last-month", "2026-01-01T00:30:00Z", "Europe/Berlin", "2025-12-01", "2025-12-31"],
] as const)("%s at %s in %s is %s to %s", (name, now, zone, from, to) => {
  assert.deepEqual(periodAt(name, Date.parse(now), zone), { from, to });
});

test("recipients: pages by id, for operators alone, each tenant its own; what cannot be one is refused by its path", async () => {
  await using api = await stage(null);
  const key = api.key.operator;
  const list = (query = "", as = key) => api.ask(`/v1/reports/recipients${query}`, { key: as });
  const first = await list("?limit=1");
  assert.deepEqual(first.body.items, [{ id: "asha", name: "Asha Rao", email: people.asha }]);
  const second = await list(`?limit=1&cursor=${first.body.nextCursor}`);
  assert.deepEqual([second.body.items[0].id, second.body.nextCursor], ["bela", null]);
  assert.deepEqual((await list("", api.key.stranger)).body.items, []);
  assert.equal((await list("", api.key.producer)).status, 403);
  const put = (id: string, json: object) => api.ask(`/v1/reports/recipients/${id}`, { method: "PUT", json, key });
  assert.equal((await put("asha", { name: "A. Rao", email: people.asha })).status, 200);
  const refused = await put("asha", { name: "a\nb", email: "nobody" });
  assert.deepEqual(
    refused.body.errors.map(({ path }: { path: string }) => path),
    ["name", "email"],
  );
  const address = await put(encodeURIComponent(people.asha), { name: "A", email: people.asha });
  assert.deepEqual([address.status, address.body.errors[0].path], [422, "id"]);
});
