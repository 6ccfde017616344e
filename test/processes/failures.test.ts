import assert from "node:assert/strict";
import { test } from "vitest";
import { openHouse } from "../rig/processes.ts";
import { longInvoice } from "./long-invoice.ts";

const outcomes = (body: { attempts: { outcome: string }[] }) => body.attempts.map((attempt) => attempt.outcome);

test("kill -9 of a worker in the middle of a render: another one finishes, and the document exists once", async () => {
  await using house = await openHouse();
  await house.start("api");
  const first = await house.start("worker");
  const { body: receipt } = await house.call("POST", "/v1/jobs/documents.generate", longInvoice);
  await first.logged("attempt.started");
  first.kill("SIGKILL");
  assert.equal(await first.ended, "SIGKILL");
  assert.equal((await house.call("GET", `/v1/jobs/${receipt.id}`)).body.state, "running", "nobody knows yet");

  await house.start("worker");
  const { body: job } = await house.call("GET", `/v1/jobs/${receipt.id}?wait=60s`);
  assert.equal(job.state, "completed");
  assert.deepEqual(outcomes(job), ["lost", "completed"]);
  const { body: versions } = await house.call("GET", `/v1/documents/${receipt.id}/versions`);
  assert.deepEqual(
    versions.items.map((one: { version: number }) => one.version),
    [1],
  );
  const content = await house.call("GET", `/v1/documents/${receipt.id}/versions/1/content`);
  assert.equal(content.bytes.byteLength, job.result.sizeBytes);
}, 90_000);

test("kill -9 of the API between the commit and the dispatch: the job runs all the same", async () => {
  await using house = await openHouse();
  const api = await house.start("api");
  await house.start("worker");
  process.kill(house.redisPid, "SIGSTOP"); // what Redis does not answer cannot be dispatched
  let id: string;
  try {
    const { status, body } = await house.call("POST", "/v1/jobs/documents.generate", longInvoice);
    assert.equal(status, 202, "accepted means durable in Postgres, whatever Redis does");
    id = body.id;
    api.kill("SIGKILL");
    await api.ended;
  } finally {
    process.kill(house.redisPid, "SIGCONT");
  }
  await house.start("api");
  await house.start("scheduler");
  const { body: job } = await house.call("GET", `/v1/jobs/${id}?wait=60s`);
  assert.equal(job.state, "completed");
  assert.equal((await house.call("GET", `/v1/documents/${id}`)).body.latestVersion, 1);
}, 90_000);

test("SIGTERM in the middle of a job: the worker drains, exits 0, and the job has spent no attempt", async () => {
  await using house = await openHouse();
  await house.start("api");
  const first = await house.start("worker", { DRAIN_MS: "0" });
  const { body: receipt } = await house.call("POST", "/v1/jobs/documents.generate", longInvoice);
  await first.logged("attempt.started");
  first.kill("SIGTERM");
  assert.equal(await first.ended, 0);
  const { body: waiting } = await house.call("GET", `/v1/jobs/${receipt.id}`);
  assert.equal(waiting.state, "queued");
  await house.start("worker");
  const { body: job } = await house.call("GET", `/v1/jobs/${receipt.id}?wait=60s`);
  assert.deepEqual(outcomes(job), ["released", "completed"]);
}, 90_000);

test("SIGTERM with time to drain: the running job is finished, and nothing new is taken", async () => {
  await using house = await openHouse();
  await house.start("api");
  const worker = await house.start("worker");
  const { body: receipt } = await house.call("POST", "/v1/jobs/documents.generate", longInvoice);
  await worker.logged("attempt.started");
  worker.kill("SIGTERM");
  await worker.logged("process.stopping");
  const { body: late } = await house.call("POST", "/v1/jobs/documents.generate", longInvoice);
  assert.equal(await worker.ended, 0);
  const { body: job } = await house.call("GET", `/v1/jobs/${receipt.id}`);
  assert.deepEqual(outcomes(job), ["completed"]);
  assert.equal((await house.call("GET", `/v1/jobs/${late.id}`)).body.attempts.length, 0);
}, 90_000);

test("Redis hangs for 5 s and is back: accepting goes on, and all work ends", async () => {
  await using house = await openHouse();
  await house.start("api");
  await house.start("worker");
  await house.start("scheduler");
  const ids: string[] = [];
  process.kill(house.redisPid, "SIGSTOP");
  try {
    const until = Date.now() + 5_000; // the length of the outage is the scenario
    while (Date.now() < until) {
      const { status, body } = await house.call("POST", "/v1/jobs/documents.generate", longInvoice);
      assert.equal(status, 202);
      ids.push(body.id);
      await new Promise((resume) => setTimeout(resume, 1_000));
    }
  } finally {
    process.kill(house.redisPid, "SIGCONT");
  }
  for (const id of ids) {
    const { body: job } = await house.call("GET", `/v1/jobs/${id}?wait=60s`);
    assert.equal(job.state, "completed");
    assert.equal((await house.call("GET", `/v1/documents/${id}`)).body.latestVersion, 1);
  }
}, 120_000);
