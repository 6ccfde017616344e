import assert from "node:assert/strict";
import { test } from "vitest";
import { startSmtp } from "../reminders/smtp.ts";
import { gate } from "../rig/jobs.ts";
import { openHouse } from "../rig/processes.ts";
import { openMail } from "./mail.ts";

const ceilingMs = 300_000;

test("kill -9 of a worker while a mail server holds its answer: nobody gets the report twice, and the job says of whom it is not known", {
  timeout: ceilingMs,
}, async () => {
  const full = gate();
  const over = gate();
  let received = 0;
  // The third recipient's server has the message and does not answer: the worst moment to be killed in.
  await using smtp = await startSmtp(async () => {
    received += 1;
    if (received !== 3) return;
    full.open();
    await over.promise;
  });
  await using house = await openHouse();
  await house.start("api");
  await house.start("scheduler");
  const ids = ["r-1", "r-2", "r-3", "r-4", "r-5"];
  for (const id of ids) {
    const put = await house.call("PUT", `/v1/reports/recipients/${id}`, { name: "Reader", email: `${id}@example.com` });
    assert.equal(put.status, 201);
  }
  const worker = () => house.start("worker", { SMTP_URL: smtp.url, MAIL_FROM: "reports@house.example" });
  const victim = await worker();
  const payload = { report: "company-statistics", format: "csv", recipients: ids };
  const { status, body } = await house.call("POST", "/v1/jobs/reports.deliver", { payload });
  assert.equal(status, 202, JSON.stringify(body));
  await full.promise;
  victim.kill("SIGKILL");
  await victim.ended;
  over.open();
  await worker();
  const ended = async () => (await house.call("GET", `/v1/jobs/${body.id}?wait=30s`)).body;
  let job = await ended();
  for (const until = Date.now() + ceilingMs * 0.8; job.finishedAt === null; job = await ended())
    assert.ok(Date.now() < until, `still ${job.state}`);

  assert.deepEqual([job.state, job.error.code], ["dead", "report_not_delivered"]);
  assert.deepEqual(job.error.details.unknown, ["r-3"]);
  assert.deepEqual(job.error.details.codes, { "r-3": "sender_vanished" });
  assert.deepEqual(smtp.texts.map((text) => openMail(text).to.match(/r-\d/)![0]).sort(), ids);
  assert.deepEqual([...smtp.taken.values()], [1, 1, 1, 1, 1], "each message arrived once");
});
