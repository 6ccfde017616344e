import assert from "node:assert/strict";
import { test } from "vitest";
import { FakeProvider } from "../../scripts/fake-provider/server.ts";
import { catalog } from "../../src/catalog.ts";
import { startRig, tenant } from "../rig/rig.ts";
import { mounted, settings } from "./house.ts";

const respond = catalog.get("ai.respond");

/** A minute, turned faster: providers count requests per window, and so does the gate. In full: NIGHTSHIFT_AI_WINDOW_MS=60000. */
const windowMs = Number(process.env.NIGHTSHIFT_AI_WINDOW_MS ?? 10_000);
const requests = 60;
const windows = 3;

test(
  "of a limit of 60 requests a window, at least 95 % are used by two workers together",
  async () => {
    await using provider = new FakeProvider({
      limits: { limited: { requests, tokens: 1_000_000_000, windowMs } },
    });
    await provider.start();
    const limits = { requests, tokens: 1_000_000_000 };
    await using rig = await startRig({
      jobs: [respond],
      ai: settings([mounted(provider, "limited", { limits })], { windowMs }),
    });
    await rig.work();
    await rig.work();
    const payloads = Array.from({ length: requests * (windows + 1) }, (_, n) => ({
      job: respond,
      payload: { message: `Question ${n}` },
    }));
    await rig.runtime.producer.enqueueMany(tenant, payloads);
    await rig.until(() => provider.bill.totals().calls >= requests * windows + 1, windowMs * (windows + 2) + 60_000);
    const lines = provider.bill.lines.map(({ at }) => Date.parse(at));
    const tookMs = lines[requests * windows]! - lines[0]!;
    const used = (requests * windows) / (requests * (tookMs / windowMs));
    const refused = provider.calls.length - provider.bill.totals().calls;
    process.stderr.write(
      `used ${(used * 100).toFixed(1)} % of the limit over ${windows} windows, ${refused} refused\n`,
    );
    assert.ok(used >= 0.95, `used ${(used * 100).toFixed(1)} %`);
  },
  windowMs * (windows + 3) + 120_000,
);
