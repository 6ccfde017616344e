import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { afterEach, inject, test } from "vitest";
import type { Entry, Permit } from "../../src/core/ai-gate.ts";
import type { AiProvider } from "../../src/core/ai-models.ts";
import { StoreUnavailable } from "../../src/core/errors.ts";
import { type GateOptions, RedisGate } from "../../src/services/ai/redis-gate.ts";
import { eventually } from "../rig/eventually.ts";

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

const provider = (over: Partial<AiProvider> = {}): AiProvider => ({
  name: "openai",
  model: "m",
  dialect: "chat",
  keyId: "k",
  limits: { requests: 1_000, tokens: 1_000_000 },
  ...over,
});

/** As many gates as there would be workers, on one Redis. */
function gates(count: number, over: Partial<GateOptions> = {}): RedisGate[] {
  const prefix = `t_${randomBytes(5).toString("hex")}`;
  const url = inject("redisUrl");
  open.push(async () => {
    const redis = new Redis(url);
    for (const key of await redis.keys(`{${prefix}:*`)) await redis.unlink(key);
    redis.disconnect();
  });
  return Array.from({ length: count }, () => {
    const gate = new RedisGate({ url, prefix, log, ...over });
    open.push(() => gate.stop());
    return gate;
  });
}

function permitOf(entry: Entry): Permit {
  assert.equal(entry.kind, "go");
  return (entry as Extract<Entry, { kind: "go" }>).permit;
}

const kinds = (entries: readonly Entry[]) => entries.map(({ kind }) => kind);

test("five failures in a row open the breaker for every worker; an answer in between begins the row anew", async () => {
  const [one, two] = gates(2) as [RedisGate, RedisGate];
  const of = provider();
  const fail = async () => one.leave(of, permitOf(await one.enter(of, 1)), { kind: "failed" });
  for (let n = 0; n < 4; n += 1) await fail();
  await two.leave(of, permitOf(await two.enter(of, 1)), { kind: "answered" });
  for (let n = 0; n < 4; n += 1) await fail();
  assert.equal((await two.enter(of, 1)).kind, "go");
  await fail();
  const entry = await two.enter(of, 1);
  assert.ok(entry.kind === "open" && entry.waitMs > 14_000 && entry.waitMs <= 15_000, JSON.stringify(entry));
  assert.equal((await two.enter(provider({ keyId: "other" }), 1)).kind, "go", "another key has a breaker of its own");
});

test("half open, one probe goes in the whole cluster; its answer closes the breaker, its failure opens it for longer", async () => {
  const breaker = { failures: 1, firstMs: 50, maxMs: 10_000, probeMs: 5_000 };
  const all = gates(8, { breaker });
  const of = provider();
  await all[0]!.leave(of, permitOf(await all[0]!.enter(of, 1)), { kind: "failed" });
  const probes = () => Promise.all(all.map((gate) => gate.enter(of, 1)));
  const gone = async () =>
    eventually(async () => {
      const entries = await probes();
      const permits = entries.filter(({ kind }) => kind === "go").map(permitOf);
      assert.equal(permits.length, 1, JSON.stringify(kinds(entries)));
      return permits[0]!;
    });
  const first = await gone();
  assert.ok(first.probe);
  assert.deepEqual(new Set(kinds(await probes())), new Set(["open"]), "until it is back, nobody else goes");
  await all[3]!.leave(of, first, { kind: "failed" });
  const again = await all[5]!.enter(of, 1);
  assert.ok(again.kind === "open" && again.waitMs > 50 && again.waitMs <= 100, JSON.stringify(again));
  await all[4]!.leave(of, await gone(), { kind: "answered" });
  assert.deepEqual(new Set(kinds(await probes())), new Set(["go"]));
});

test("a probe that died with its worker, or said nothing of the provider, makes room for another", async () => {
  const [gate] = gates(1, { breaker: { failures: 1, firstMs: 1, probeMs: 60 } }) as [RedisGate];
  const of = provider();
  await gate.leave(of, permitOf(await gate.enter(of, 1)), { kind: "failed" });
  const go = () => eventually(async () => permitOf(await gate.enter(of, 1)));
  await go(); // dies
  const second = await go();
  assert.ok(second.probe);
  await gate.leave(of, second, { kind: "neutral" });
  assert.ok(permitOf(await gate.enter(of, 1)).probe);
});

test("workers together take no more than the limit of requests, and each who waits in line gets a time of its own", async () => {
  const all = gates(4, { windowMs: 60_000 });
  const of = provider({ limits: { requests: 10, tokens: 1_000_000 } });
  const entries = await Promise.all(Array.from({ length: 40 }, (_, n) => all[n % 4]!.enter(of, 1, { queue: true })));
  assert.equal(kinds(entries).filter((kind) => kind === "go").length, 10);
  const waits = entries.flatMap((entry) => (entry.kind === "limited" ? [entry.waitMs] : []));
  // A place is free again a window after the end of its stretch of time (1.2 s), however much of that is left now.
  const turn = (n: number) => waits.filter((ms) => ms > n * 60_000 && ms <= n * 61_200).length;
  assert.deepEqual([turn(1), turn(2), turn(3)], [10, 10, 10], waits.join(" "));
});

test("tokens are limited like requests; what a call did not use comes back, what was not made takes none", async () => {
  const [gate] = gates(1) as [RedisGate];
  const of = provider({ limits: { requests: 100, tokens: 1_000 } });
  const first = permitOf(await gate.enter(of, 900));
  assert.equal((await gate.enter(of, 200)).kind, "limited");
  await gate.leave(of, first, { kind: "answered", tokens: 300 });
  const second = permitOf(await gate.enter(of, 700));
  assert.equal((await gate.enter(of, 1)).kind, "limited");
  await gate.leave(of, second, { kind: "unused" });
  assert.equal((await gate.enter(of, 700)).kind, "go");
});

test("a call that is larger than the limit goes alone instead of never", async () => {
  const [gate] = gates(1) as [RedisGate];
  const of = provider({ limits: { requests: 100, tokens: 1_000 } });
  assert.equal((await gate.enter(of, 5_000)).kind, "go");
  assert.equal((await gate.enter(of, 1)).kind, "limited");
});

test("the provider's headers set the limit, and count what others used with the same key", async () => {
  const [gate] = gates(1) as [RedisGate];
  const of = provider({ limits: { requests: 1, tokens: 1_000 } });
  const permit = permitOf(await gate.enter(of, 1));
  assert.equal((await gate.enter(of, 1)).kind, "limited");
  await gate.leave(of, permit, { kind: "answered", rates: { limitRequests: 5, remainingRequests: 2 } });
  // Five, of which ours is one and strangers took two.
  const entries = [await gate.enter(of, 1), await gate.enter(of, 1), await gate.enter(of, 1)];
  assert.deepEqual(kinds(entries), ["go", "go", "limited"]);
});

test("a time that a provider named holds everybody off until then", async () => {
  const [one, two] = gates(2) as [RedisGate, RedisGate];
  const of = provider();
  await one.leave(of, permitOf(await one.enter(of, 1)), { kind: "neutral", holdMs: 90_000 });
  const entry = await two.enter(of, 1);
  assert.ok(entry.kind === "limited" && entry.waitMs > 85_000 && entry.waitMs <= 90_000, JSON.stringify(entry));
});

test("without Redis no call is let through uncounted", async () => {
  const gate = new RedisGate({ url: "redis://127.0.0.1:1", prefix: "t", log });
  open.push(() => gate.stop());
  await assert.rejects(gate.enter(provider(), 1), StoreUnavailable);
});
