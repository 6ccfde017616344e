import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "vitest";
import { ManualClock } from "../../src/core/clock.ts";
import { Sessions } from "../../src/dashboard/session.ts";
import { testJob } from "../rig/jobs.ts";
import { bootstrapKey, cookieOf, raise, type Stage } from "./stage.ts";

const jobs = [testJob(async () => null)];

/** `board` or `door`: what a browser with this cookie gets to see. */
async function sees(stage: Stage, cookie: string): Promise<"board" | "door"> {
  const answer = await fetch(`${stage.url}/board`, { headers: { Cookie: cookie }, redirect: "manual" });
  if (answer.status === 200) return "board";
  assert.equal(answer.headers.get("Location"), "/sign-in?next=%2Fboard");
  return "door";
}

test.each(["viewer", "operator", "admin"] as const)(
  "a key of role %s opens the door, for eight hours",
  async (role) => {
    await using stage = await raise({ jobs });
    const { key } = await stage.key(role);
    const answer = await stage.signIn(`  ${key}\n`); // as it comes out of a chat
    assert.equal(answer.status, 303);
    assert.equal(answer.headers.get("Location"), "/board");
    const [cookie] = answer.headers.getSetCookie();
    assert.match(cookie!, /^nightshift=[\w-]{43}; Max-Age=28800; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/);
    assert.equal(await sees(stage, cookieOf(answer)), "board");
  },
);

test("only the hash of a session is kept", async () => {
  await using stage = await raise({ jobs });
  const { cookie } = await stage.visitor("viewer");
  const token = cookie.split("=")[1]!;
  const { rows } = await stage.rig.runtime.database.executeSql(`select * from ${stage.rig.schema}.sessions`);
  assert.equal(rows.length, 1);
  assert.deepEqual(rows[0]!.token_hash, createHash("sha256").update(token).digest());
  assert.doesNotMatch(JSON.stringify(rows), new RegExp(token));
});

test("a key that may not see the dashboard is told why", async () => {
  await using stage = await raise({ jobs });
  const refusals: [string, number, RegExp][] = [
    [(await stage.key("producer")).key, 403, /role producer/],
    [(await stage.key("admin", "acme")).key, 403, /belongs to tenant acme.+takes keys for \* only/],
    ["ns_000000000000_00000000000000000000000000000000", 401, /No such key/],
    ["", 401, /No such key/],
  ];
  for (const [key, status, words] of refusals) {
    const answer = await stage.signIn(key);
    assert.equal(answer.status, status);
    assert.deepEqual(answer.headers.getSetCookie(), []);
    const page = await answer.text();
    assert.match(page, words);
    if (key !== "") assert.ok(!page.includes(key), "the key is not written back");
  }
});

test("a session ends on sign-out", async () => {
  await using stage = await raise({ jobs });
  const { cookie } = await stage.visitor("operator");
  const answer = await fetch(`${stage.url}/sign-out`, {
    method: "POST",
    headers: { Cookie: cookie, "Sec-Fetch-Site": "same-origin" },
    redirect: "manual",
  });
  assert.equal(answer.headers.get("Location"), "/sign-in");
  assert.match(answer.headers.getSetCookie()[0]!, /^nightshift=; .*Expires=Thu, 01 Jan 1970/);
  assert.equal(await sees(stage, cookie), "door");
});

test("a session ends when its eight hours are over, and at once when its key is revoked", async () => {
  await using stage = await raise({ jobs });
  const late = await stage.visitor("viewer");
  const revoked = await stage.visitor("viewer");
  const { database } = stage.rig.runtime;
  await database.executeSql(`update ${stage.rig.schema}.sessions set expires_at = now() where key_id = $1`, [
    late.keyId,
  ]);
  await stage.keys.revoke(revoked.keyId);
  assert.equal(await sees(stage, late.cookie), "door");
  assert.equal(await sees(stage, revoked.cookie), "door");
  assert.equal((await revoked.get("/board/api/queues")).status, 401);
});

test("a session of the bootstrap key lives as long as that key", async () => {
  await using stage = await raise({ jobs });
  const cookie = cookieOf(await stage.signIn(bootstrapKey));
  assert.equal(await sees(stage, cookie), "board");
  const { database } = stage.rig.runtime;
  const token = cookie.split("=")[1];
  assert.deepEqual(await new Sessions(database, bootstrapKey).find(token), { keyId: "bootstrap", role: "admin" });
  assert.equal(await new Sessions(database, "another key").find(token), null);
  assert.equal(await new Sessions(database, undefined).find(token), null);
});

test("a session that somebody planted is not taken up, and signing in again ends the one before", async () => {
  await using stage = await raise({ jobs });
  const { key } = await stage.key("admin");
  const planted = `nightshift=${"x".repeat(43)}`;
  const first = cookieOf(await stage.signIn(key, { Cookie: planted }));
  assert.notEqual(first, planted);
  assert.equal(await sees(stage, planted), "door");
  const second = cookieOf(await stage.signIn(key, { Cookie: first }));
  assert.equal(await sees(stage, first), "door");
  assert.equal(await sees(stage, second), "board");
});

test("over HTTPS the cookie is secure and cannot be planted by a sister domain", async () => {
  await using stage = await raise({ jobs });
  const { key } = await stage.key("viewer");
  const behindProxy = { "X-Forwarded-Proto": "https" };
  const answer = await stage.signIn(key, behindProxy);
  assert.match(
    answer.headers.getSetCookie()[0]!,
    /^__Host-nightshift=.*; Path=\/; .*HttpOnly; Secure; SameSite=Strict$/,
  );
  const withIt = { Cookie: cookieOf(answer), ...behindProxy };
  assert.equal((await fetch(`${stage.url}/board`, { headers: withIt, redirect: "manual" })).status, 200);

  await using configured = await raise({ jobs, publicUrl: "https://jobs.example.org/" });
  const { key: another } = await configured.key("viewer");
  assert.match((await configured.signIn(another)).headers.getSetCookie()[0]!, /^__Host-nightshift=.*; Secure;/);
});

test("without a session nothing of the board is served", async () => {
  await using stage = await raise({ jobs });
  for (const path of ["/board", "/board/queue/tests", "/board/static/js/main.js", "/sign-out", "/", "/nowhere"])
    assert.equal((await fetch(`${stage.url}${path}`, { redirect: "manual" })).status, 303, path);
  for (const path of ["/board/api/queues", "/board/api/redis/stats"])
    assert.equal((await fetch(`${stage.url}${path}`, { redirect: "manual" })).status, 401, path);
  assert.equal((await fetch(`${stage.url}/healthz`)).status, 200);
});

test("whoever came for a page gets it after signing in, if it is a page of ours", async () => {
  await using stage = await raise({ jobs });
  const { key } = await stage.key("viewer");
  const signInFor = async (next: string) => {
    const answer = await fetch(`${stage.url}/sign-in`, {
      method: "POST",
      headers: { "Sec-Fetch-Site": "same-origin" },
      body: new URLSearchParams({ key, next }),
      redirect: "manual",
    });
    return answer.headers.get("Location");
  };
  assert.equal(await signInFor("/board/queue/tests?status=failed"), "/board/queue/tests?status=failed");
  for (const elsewhere of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\nb"])
    assert.equal(await signInFor(elsewhere), "/board");
  const door = await (
    await fetch(`${stage.url}/sign-in?next=${encodeURIComponent('/"><script>alert(1)</script>')}`)
  ).text();
  assert.doesNotMatch(door, /<script/);
});

test("a link from a chat reaches whoever is signed in, though the browser keeps the cookie back at first", async () => {
  await using stage = await raise({ jobs });
  const first = await fetch(`${stage.url}/board/queue/tests`, { headers: { "Sec-Fetch-Site": "cross-site" } });
  assert.equal(first.status, 200);
  const page = await first.text();
  assert.match(page, /<meta http-equiv="refresh" content="0">/);
  assert.doesNotMatch(page, /tests/);
});

test("a change is refused unless a page of this dashboard asked for it", async () => {
  await using stage = await raise({ jobs });
  const operator = await stage.visitor("operator");
  const pause = (headers: Record<string, string>) =>
    fetch(`${stage.url}/board/api/queues/tests/pause`, {
      method: "PUT",
      headers: { Cookie: operator.cookie, ...headers },
    });
  const strangers: Record<string, string>[] = [
    {},
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site", Origin: stage.url },
    { "Sec-Fetch-Site": "none" },
    { Origin: "https://evil.example" },
    { Origin: "null" },
  ];
  for (const headers of strangers) assert.equal((await pause(headers)).status, 403, JSON.stringify(headers));
  const [definition] = stage.rig.runtime.queuesOn("redis");
  const queue = stage.rig.runtime.redis.queue(definition!);
  assert.equal(await queue.isPaused(), false);
  assert.equal((await pause({ Origin: stage.url })).status, 200, "a browser on plain HTTP sends only Origin");
  assert.equal(await queue.isPaused(), true);

  const { key } = await stage.key("viewer");
  const planted = await fetch(`${stage.url}/sign-in`, { method: "POST", body: new URLSearchParams({ key }) });
  assert.equal(planted.status, 403, "nobody can be signed in by another site");
});

test("behind a proxy that changes the Host header, the public address counts", async () => {
  await using stage = await raise({ jobs, publicUrl: "http://jobs.example.org" });
  const operator = await stage.visitor("operator");
  const pause = (origin: string) =>
    fetch(`${stage.url}/board/api/queues/tests/pause`, {
      method: "PUT",
      headers: { Cookie: operator.cookie, Origin: origin },
    });
  assert.equal((await pause(stage.url)).status, 403);
  assert.equal((await pause("http://jobs.example.org")).status, 200);
});

test("the eleventh attempt of an address within a minute has to wait", async () => {
  const clock = new ManualClock("2026-11-05T10:00:00Z");
  await using stage = await raise({ jobs, clock });
  const { key } = await stage.key("viewer");
  for (let attempt = 1; attempt <= 10; attempt++) assert.equal((await stage.signIn("wrong")).status, 401);
  clock.advance(20_000);
  const answer = await stage.signIn(key);
  assert.equal(answer.status, 429, "the right key does not help");
  assert.equal(answer.headers.get("Retry-After"), "40");
  assert.match(await answer.text(), /Try again in 40 seconds/);
  assert.equal((await stage.signIn(key, { "X-Forwarded-For": "203.0.113.7" })).status, 303, "others are not held up");
  clock.advance(40_000);
  assert.equal((await stage.signIn(key)).status, 303);
});

test("an oversized form is refused", async () => {
  await using stage = await raise({ jobs });
  assert.equal((await stage.signIn("x".repeat(10_000))).status, 413);
});

test("coming and going is written down", async () => {
  await using stage = await raise({ jobs });
  const { keyId } = await stage.visitor("operator");
  const { rows } = await stage.rig.runtime.database.executeSql(
    `select actor, action, subject, details from ${stage.rig.schema}.audit`,
  );
  assert.deepEqual(rows, [
    { actor: keyId, action: "session.begin", subject: "session", details: { role: "operator" } },
  ]);
});
