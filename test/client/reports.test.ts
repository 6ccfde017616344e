import assert from "node:assert/strict";
import { test } from "vitest";
import { generate } from "#jobs/documents/generate.job.ts";
import { createClient, ProblemError } from "../../src/client/client.ts";
import { serve } from "../api/served.ts";
import { countedReport, reportRig } from "../reports/stage.ts";
import { gate } from "../rig/jobs.ts";

test("a report is read with its age, not sent again while its rows are unchanged, and invalidated", async () => {
  let said = "one";
  const { report, computations } = countedReport({ say: () => said });
  await using api = await serve(reportRig(report));
  await api.rig.work();
  const { reports } = createClient({ baseUrl: api.url, key: api.key.producer });
  assert.deepEqual(
    (await reports.list()).map((one) => one.report),
    ["counted"],
  );
  const first = await reports.read("counted", { n: 7 });
  assert.ok(first.state === "ready");
  assert.deepEqual(first.report.rows, [{ tenant: "acme", n: 7, say: "one" }]);
  assert.equal(first.report.stale, false);
  assert.deepEqual(await reports.read("counted", { n: 7 }, { etag: first.etag }), {
    state: "unchanged",
    etag: first.etag,
  });

  said = "two";
  await reports.invalidate(["report:counted"]);
  const renewed = await reports.read("counted", { n: 7 }, { stale: false, etag: first.etag });
  assert.ok(renewed.state === "ready" && renewed.etag !== first.etag);
  assert.equal(renewed.report.rows[0]!.say, "two");
  assert.equal(computations.length, 2);
  const plan = await reports.plan({ budgetMs: 0 });
  assert.equal(plan.budgetMs, 0);
  await assert.rejects(
    reports.read("counted", { n: "many" }),
    (error: unknown) => error instanceof ProblemError && error.errors[0]!.path === "n",
  );
});

test("a result that is not there is waited for, or its job named when the time is over", async () => {
  const open = gate();
  const { report } = countedReport({ work: () => open.promise });
  await using api = await serve(reportRig(report));
  await api.rig.work();
  const { reports } = createClient({ baseUrl: api.url, key: api.key.producer });
  const soon = await reports.read("counted", {}, { timeoutMs: 0 });
  assert.ok(soon.state === "computing");
  assert.equal((await api.rig.runtime.reader.find("acme", soon.jobId))!.job, "reports.compute");
  const reading = reports.read("counted");
  open.open();
  assert.equal((await reading).state, "ready");
  const stop = AbortSignal.abort(new Error("stop"));
  await assert.rejects(reports.read("counted", {}, { signal: stop }), /stop/);
});

test("a report comes as a file: CSV at once, a PDF when it was made", async () => {
  const { report } = countedReport({ say: () => "=1+1" });
  const rig = reportRig(report);
  await using api = await serve({ ...rig, jobs: [...rig.jobs, generate], queues: [...rig.queues, generate.queue] });
  await api.rig.work(rig.queues);
  const { reports } = createClient({ baseUrl: api.url, key: api.key.producer });
  const csv = await reports.file("counted", "csv", { n: 2 });
  assert.ok(csv.state === "ready");
  assert.equal(await csv.response.text(), `tenant,n,say\r\nacme,2,"'=1+1"\r\n`);
  const pdf = await reports.file("counted", "pdf", { n: 2 }, { timeoutMs: 0 });
  assert.ok(pdf.state === "computing", "nobody serves documents here");
  assert.equal((await api.rig.runtime.reader.find("acme", pdf.jobId))!.job, "documents.generate");
});
