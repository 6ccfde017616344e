import assert from "node:assert/strict";
import { test } from "vitest";
import { testJob, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { raise, type Stage } from "./stage.ts";

const slow = testJob(async () => null, { queue: testQueue({ name: "ai-calls", concurrency: 4 }) });
const fast = testJob(async () => null, {
  name: "tests.fast",
  queue: testQueue({ name: "reports", durability: "redis" }),
});

async function queueOf(stage: Stage, role: "viewer" | "operator", name: string) {
  const visitor = await stage.visitor(role);
  const answer = await visitor.get(`/board/api/queues?activeQueue=${name}&jobsPerPage=10`);
  assert.equal(answer.headers.get("Cache-Control"), "no-store");
  const { queues } = (await answer.json()) as { queues: Record<string, unknown>[] };
  return queues.find((queue) => queue.name === name) as {
    displayName: string;
    description: string;
    readOnlyMode: boolean;
    allowRetries: boolean;
    allowCompletedRetries: boolean;
    jobs: { id: string; data: Record<string, unknown>; externalUrl: unknown }[];
  };
}

test("every Redis queue is shown with a readable name and its policy", async () => {
  await using stage = await raise({ jobs: [slow, fast], titles: { reports: "Reports of the day" } });
  const calls = await queueOf(stage, "operator", "ai-calls");
  assert.equal(calls.displayName, "Ai calls");
  assert.equal(calls.description, "4 slots per worker; recorded in Postgres.");
  const reports = await queueOf(stage, "operator", "reports");
  assert.equal(reports.displayName, "Reports of the day");
  assert.match(reports.description, /recorded in Redis only/);
});

test("viewers get a board without buttons, operators one that retries what failed", async () => {
  await using stage = await raise({ jobs: [slow] });
  const viewed = await queueOf(stage, "viewer", "ai-calls");
  assert.deepEqual([viewed.readOnlyMode, viewed.allowRetries], [true, false]);
  const operated = await queueOf(stage, "operator", "ai-calls");
  assert.deepEqual(
    [operated.readOnlyMode, operated.allowRetries, operated.allowCompletedRetries],
    [false, true, false],
  );
});

test("a job links to its history and keeps its payload to itself", async () => {
  await using stage = await raise({ jobs: [fast] });
  const { id } = await stage.rig.runtime.producer.enqueue(tenant, fast, { who: "Grace" });
  const { jobs } = await queueOf(stage, "operator", "reports");
  assert.equal(jobs[0]!.id, id);
  assert.deepEqual(jobs[0]!.externalUrl, { displayText: "History", href: `http://127.0.0.1:3000/v1/jobs/${id}` });
  assert.equal(jobs[0]!.data.payload, "(not shown)");
  assert.doesNotMatch(JSON.stringify(jobs), /Grace/);
});

test("details of the Redis server are for admins", async () => {
  await using stage = await raise({ jobs: [slow] });
  assert.equal((await (await stage.visitor("operator")).get("/board/api/redis/stats")).status, 403);
  const admin = await stage.visitor("admin");
  const stats = (await (await admin.get("/board/api/redis/stats")).json()) as { version: string };
  assert.match(stats.version, /^\d+\./);
});

test("no page asks anybody else for anything, or allows it", async () => {
  await using stage = await raise({ jobs: [slow] });
  const viewer = await stage.visitor("viewer");
  for (const path of ["/sign-in", "/sign-out", "/board", "/nowhere"]) {
    const answer = await viewer.get(path);
    const page = await answer.text();
    assert.doesNotMatch(page, /(src|href)="(https?:)?\/\//, path);
    const policy = answer.headers.get("Content-Security-Policy")!;
    assert.match(policy, /default-src 'self'/);
    assert.match(policy, /script-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /https:|upgrade-insecure-requests/);
    assert.equal(answer.headers.get("X-Powered-By"), null);
    if (path !== "/board") assert.doesNotMatch(page, /<script|<style|style="|onload=/, path);
  }
  assert.equal((await viewer.get("/nowhere")).status, 404);
});

test("the board's words are ours where they would mislead", async () => {
  await using stage = await raise({ jobs: [slow] });
  const viewer = await stage.visitor("viewer");
  const texts = (await (await viewer.get("/board/static/locales/en-US/messages.json")).json()) as {
    QUEUE: { STATUS: Record<string, string> };
    JOB: { ACTIONS: Record<string, string>; NOT_FOUND: string };
  };
  assert.equal(texts.QUEUE.STATUS.PRIORITIZED, "Waiting");
  assert.equal(texts.JOB.ACTIONS.CLEAN, "Cancel");
  assert.equal(texts.JOB.NOT_FOUND, "Job Not found", "the others are left");
  assert.equal((await viewer.get("/board/static/locales/de-DE/messages.json")).status, 200);
});
