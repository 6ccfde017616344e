import assert from "node:assert/strict";
import { test } from "vitest";
import { z } from "zod";
import { testJob, testQueue } from "../rig/jobs.ts";
import { tenant } from "../rig/rig.ts";
import { serve } from "./served.ts";

const done = testJob(async () => ({ said: "done" }));

test("an accepted job is answered with 202, its receipt and where to follow it, and is in the ledger", async () => {
  await using api = await serve({ jobs: [done] });
  const { status, headers, body } = await api.ask("/v1/jobs/tests.run", { json: { payload: { a: 1 }, tags: ["x"] } });

  assert.equal(status, 202);
  assert.deepEqual(Object.keys(body), [
    "id",
    "job",
    "queue",
    "tenant",
    "state",
    "acceptedAt",
    "runAt",
    "duplicate",
    "links",
  ]);
  assert.deepEqual(body.links, { self: `/v1/jobs/${body.id}`, events: `/v1/jobs/${body.id}/events` });
  assert.equal(headers.get("location"), body.links.self);
  assert.equal(body.tenant, tenant);
  assert.equal(body.duplicate, false);
  const row = await api.rig.runtime.reader.find(tenant, body.id);
  assert.deepEqual(row?.tags, ["x"]);
});
