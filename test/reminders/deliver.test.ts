import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, test } from "vitest";
import { tenant } from "../rig/rig.ts";
import type { Listening } from "./http.ts";
import { listen } from "./http.ts";
import { startSmtp } from "./smtp.ts";
import { asha, chief, deliver, openStage, type Stage } from "./stage.ts";

const dueToday = { due: { on: "2026-06-30" }, offsets: [{ days: 0 }] };
const morning = "2026-06-30T03:31:00Z";
const states = async (stage: Stage, id?: string) =>
  (await stage.rows(id)).map((row) => `${row.stage} ${row.channel} ${row.state}`);
const personal = /Asha|asha@|example\.com|Chitra/;
/** Nothing of a person in the log, the jobs, or their errors. */
async function assertNothingPersonal({ rig }: Stage): Promise<void> {
  assert.doesNotMatch(JSON.stringify(rig.lines), personal);
  const { rows } = await rig.runtime.database.executeSql(`select * from ${rig.schema}.jobs`);
  assert.doesNotMatch(JSON.stringify(rows), personal);
}

describe("e-mail", () => {
  test("goes out by SMTP in text and HTML, with a Message-ID that is always the same, and no person in log or queue", async () => {
    await using smtp = await startSmtp();
    await using stage = await openStage("2026-06-29T12:00:00Z", {
      channels: { smtpUrl: smtp.url, mailFrom: "Nightshift <n@house.example>" },
    });
    const { id } = await stage.create({ ...dueToday, title: "GSTR-3B <June> & more" });
    await stage.rig.work();
    assert.deepEqual(await stage.sweep(), { due: 0, lost: 0, replanned: 0 }, "nothing is due yet");
    stage.at(morning);
    assert.deepEqual(await stage.sweep(), { due: 1, lost: 0, replanned: 0 });
    const [row] = await stage.rows(id, ["sent"]);
    assert.equal(row!.reference, `<${row!.id}@house.example>`);
    assert.deepEqual([...smtp.taken], [[row!.reference, 1]]);
    const [text] = smtp.texts;
    assert.match(text!, /^Subject: Due today: GSTR-3B <June> & more\r$/m);
    assert.match(text!, /Content-Type: text\/plain/);
    assert.match(text!.replaceAll("=\r\n", ""), /GSTR-3B &lt;June&gt; &amp; more is due on 30 June 2026/);
    assert.deepEqual(await stage.sweep(), { due: 0, lost: 0, replanned: 0 }, "and not again");
    await assertNothingPersonal(stage);
  });

  test("without a server it is a file, written once", async () => {
    await using stage = await openStage("2026-06-29T12:00:00Z");
    await stage.create(dueToday);
    await stage.rig.work();
    stage.at(morning);
    await stage.sweep();
    assert.deepEqual(await stage.mails(), ["Asha Rao <asha@example.com> Due today: GSTR-3B"]);
  });

  test("a server that says 'not now' is asked again; one that refuses the recipient is not", async () => {
    let refusals = 1;
    await using smtp = await startSmtp(undefined, {
      onRcptTo({ address }, _session, callback) {
        if (address.startsWith("gone"))
          return callback(Object.assign(new Error("no such user"), { responseCode: 550 }));
        if (refusals-- > 0) return callback(Object.assign(new Error("later"), { responseCode: 451 }));
        callback();
      },
    });
    await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { smtpUrl: smtp.url } });
    const later = await stage.create(dueToday);
    await stage.rig.work();
    stage.at(morning);
    const { producer } = stage.rig.runtime;
    const [row] = await stage.rows(later.id);
    const first = await producer.enqueue(tenant, deliver, { deliveryId: row!.id });
    await stage.rig.until(async () => (await stage.rows(later.id))[0]!.errorCode === "message_not_sent");
    assert.equal((await stage.rows(later.id))[0]!.state, "planned", "it waits for the next attempt");
    await stage.rig.settled(first.id);
    assert.deepEqual((await states(stage, later.id))[0], "0d email sent");
    assert.equal(smtp.taken.size, 1);

    const gone = await stage.create({ ...dueToday, owner: { ...asha, email: "gone@example.com" } });
    await stage.sweep();
    const [failed] = await stage.rows(gone.id);
    assert.deepEqual([failed!.state, failed!.errorCode], ["failed", "message_undeliverable"]);
    await assertNothingPersonal(stage);
  });

  test("an answer that is lost after the content was sent is unknown: held, listed, and sent again only when somebody says so", async () => {
    let cut = true;
    await using smtp = await startSmtp(async () => (cut ? "hang-up" : undefined));
    await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { smtpUrl: smtp.url } });
    const { id } = await stage.create(dueToday);
    await stage.rig.work();
    stage.at(morning);
    await stage.sweep();
    const { deliveries } = stage.rig.runtime.reminders;
    const [held] = await deliveries.troubled(tenant, "unknown", { limit: 10 });
    assert.deepEqual([held!.state, held!.errorCode, held!.obligationId], ["unknown", "answer_lost", id]);
    await stage.sweep();
    assert.equal(smtp.texts.length, 1);
    cut = false;
    await deliveries.resend(tenant, held!.id);
    await assert.rejects(deliveries.resend("globex", held!.id), { code: "delivery_not_found" });
    await stage.sweep();
    assert.deepEqual([...smtp.taken.values()], [2], "the same Message-ID: a mail program may show it once");
    await assert.rejects(deliveries.resend(tenant, held!.id), { code: "delivery_not_resendable" });
  });

  test("signs in where the server asks for it; a password that is refused is nobody's fault but ours: the message waits", async () => {
    let refusals = 1;
    await using smtp = await startSmtp(undefined, {
      authOptional: false,
      allowInsecureAuth: true,
      onAuth({ username, password }, _session, callback) {
        if (refusals-- > 0 || username !== "house" || password !== "p@ss/word") return callback(new Error("no"));
        callback(null, { user: username });
      },
    });
    const smtpUrl = smtp.url.replace("//", "//house:p%40ss%2Fword@");
    await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { smtpUrl } });
    const { id } = await stage.create(dueToday);
    await stage.rig.work();
    stage.at(morning);
    await stage.sweep();
    assert.deepEqual((await states(stage, id))[0], "0d email sent");
    assert.equal(smtp.taken.size, 1);
    assert.doesNotMatch(JSON.stringify(stage.rig.lines), /p@ss|p%40ss/);
  });

  test("a server that is not there was told nothing: the message waits", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => void closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { smtpUrl: `smtp://127.0.0.1:${port}` } });
    const { id } = await stage.create(dueToday);
    await stage.rig.work();
    stage.at(morning);
    const [row] = await stage.rows(id);
    await stage.rig.runtime.producer.enqueue(tenant, deliver, { deliveryId: row!.id });
    await stage.rig.until(async () => (await stage.rows(id))[0]!.errorCode === "message_not_sent");
    assert.equal((await stage.rows(id))[0]!.state, "planned");
  });
});

describe("Slack", () => {
  const start = async (slack: Listening) => {
    const stage = await openStage("2026-06-29T12:00:00Z", { channels: { slackUrl: `${slack.url}/hook` } });
    await stage.create({
      ...dueToday,
      title: "<!channel> & co",
      channels: ["slack"],
      owner: { id: "asha", name: "Asha", slack: "U024BE7LH" },
    });
    await stage.rig.work();
    stage.at(morning);
    return stage;
  };

  test("is told once, mentions the recipient, and shouts at nobody", async () => {
    await using slack = await listen(() => ({ status: 200 }));
    await using stage = await start(slack);
    await stage.sweep();
    assert.equal(slack.heard.length, 1);
    assert.match(slack.heard[0]!.body.text as string, /^<@U024BE7LH> \*Due today: &lt;!channel&gt; &amp; co\*\n/);
    assert.deepEqual(await stage.rows(undefined, ["sent"]).then((rows) => rows.length), 1);
  });

  test("its Retry-After is waited for in the queue, and spends no attempt", async () => {
    const at: number[] = [];
    await using slack = await listen((_heard, count) => {
      at.push(performance.now());
      return count === 1 ? { status: 429, headers: { "retry-after": "2" } } : { status: 200 };
    });
    await using stage = await start(slack);
    await stage.sweep();
    assert.equal(slack.heard.length, 2);
    assert.ok(at[1]! - at[0]! >= 1_990, `came back after ${at[1]! - at[0]!} ms`);
    const { rows } = await stage.rig.runtime.database.executeSql(
      `select tries from ${stage.rig.schema}.deliveries where state = 'sent'`,
    );
    assert.deepEqual(rows, [{ tries: 0 }]);
  });

  test("an answer that is lost is unknown, never a second message; a webhook that was revoked fails at once", async () => {
    await using slack = await listen((_heard, count) => (count === 1 ? "hang-up" : { status: 404 }));
    await using stage = await start(slack);
    await stage.sweep();
    assert.deepEqual((await states(stage))[0], "0d slack unknown");
    const { deliveries } = stage.rig.runtime.reminders;
    await deliveries.resend(tenant, (await stage.rows())[0]!.id);
    await stage.sweep();
    assert.deepEqual((await states(stage))[0], "0d slack failed");
    assert.equal(slack.heard.length, 2);
  });
});

describe("PagerDuty", () => {
  const start = async (pager: Listening) => {
    const stage = await openStage("2026-06-29T12:00:00Z", {
      channels: { pagerDutyKey: "R0UT1NGKEY", pagerDutyUrl: `${pager.url}/v2/enqueue`, mailDir: "/nonexistent/unused" },
    });
    const one = await stage.create({
      ...dueToday,
      channels: ["pagerduty"],
      priority: "high",
      manager: { id: "chief", name: "Chitra" },
    });
    await stage.rig.work();
    return { stage, id: one.id };
  };
  const actions = (pager: Listening) => pager.heard.map(({ body }) => body.event_action);

  test("is one alert while it is overdue, owner then manager, and is resolved on completion", async () => {
    await using pager = await listen(() => ({ status: 202 }));
    const { stage: opened, id } = await start(pager);
    await using stage = opened;
    stage.at(morning);
    await stage.sweep();
    assert.deepEqual(actions(pager), [], "a reminder wakes nobody");
    stage.at("2026-07-01T04:00:00Z");
    await stage.sweep();
    stage.at("2026-07-03T04:00:00Z");
    await stage.sweep();
    const payload = pager.heard[0]!.body.payload as Record<string, unknown>;
    assert.deepEqual([payload.severity, payload.summary], ["critical", "Overdue by 1 day: GSTR-3B"]);
    await stage.rig.runtime.reminders.occurrences.complete(tenant, id, { evidence: "ARN-1", by: "key" });
    await stage.sweep();
    await stage.sweep();
    assert.deepEqual(actions(pager), ["trigger", "trigger", "resolve"]);
    assert.deepEqual([...new Set(pager.heard.map(({ body }) => body.dedup_key))], [`nightshift/acme/${id}/2026-06-30`]);
    await assertNothingPersonal(stage);
  });

  test("a lost answer is repeated: the same key makes two events one alert", async () => {
    await using pager = await listen((_heard, count) => (count === 1 ? "hang-up" : { status: 202 }));
    const { stage: opened, id } = await start(pager);
    await using stage = opened;
    stage.at("2026-07-01T04:00:00Z");
    const row = (await stage.rows(id)).find((one) => one.stage === "overdue-owner")!;
    const { id: jobId } = await stage.rig.runtime.producer.enqueue(tenant, deliver, { deliveryId: row.id });
    await stage.rig.settled(jobId);
    assert.deepEqual(actions(pager), ["trigger", "trigger"]);
    assert.equal((await stage.rows(id)).find((one) => one.stage === "overdue-owner")!.state, "sent");
  });

  test("the resolution waits for a page that is on its way", async () => {
    await using pager = await listen(() => ({ status: 202 }));
    const { stage: opened, id } = await start(pager);
    await using stage = opened;
    stage.at("2026-07-01T04:00:00Z");
    const { outbox, occurrences } = stage.rig.runtime.reminders;
    const row = (await stage.rows(id)).find((one) => one.stage === "overdue-owner")!;
    const claim = await outbox.claim(tenant, row.id, ["pagerduty"]);
    assert.equal(claim.kind, "send");
    await occurrences.complete(tenant, id, { evidence: "ARN-1", by: "key" });
    const resolution = (await stage.rows(id)).find((one) => one.stage === "resolve")!;
    assert.deepEqual(await outbox.claim(tenant, resolution.id, ["pagerduty"]), { kind: "wait" });
    if (claim.kind === "send") await outbox.sent(claim.message, "by the test");
    assert.equal((await outbox.claim(tenant, resolution.id, ["pagerduty"])).kind, "send");
  });
});

test("a channel that this installation does not have fails by name, and the others go out", async () => {
  await using slack = await listen(() => ({ status: 200 }));
  await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { slackUrl: slack.url } });
  const { id } = await stage.create({
    ...dueToday,
    channels: ["email", "slack"],
    owner: { ...asha, slack: "U024BE7LH" },
  });
  await stage.rig.work();
  stage.at(morning);
  await stage.sweep();
  assert.deepEqual(await states(stage, id), [
    "0d email failed",
    "0d slack sent",
    "overdue-owner email planned",
    "overdue-owner slack planned",
  ]);
  assert.equal((await stage.rows(id))[0]!.errorCode, "channel_not_configured");
});

describe("after an outage of days", () => {
  const outage = async () => {
    const stage = await openStage("2026-05-01T00:00:00Z");
    const { id } = await stage.create({ manager: { ...chief, timeZone: "America/New_York" } });
    await stage.rig.work();
    stage.at("2026-07-05T00:00:00Z"); // nobody swept for two months
    assert.deepEqual(await stage.sweep(), { due: 5, lost: 0, replanned: 1 });
    return { stage, id };
  };
  const owners = "Asha Rao <asha@example.com> Overdue by 5 days: GSTR-3B";

  test("the owner gets one message of an occurrence, not five; the manager's comes as many days later as ever", async () => {
    const { stage: opened, id } = await outage();
    await using stage = opened;
    assert.deepEqual(await stage.mails(), [owners]);
    const rungs = ["overdue-owner asha email sent 2026-07-01T03:30"];
    const waits = "overdue-manager chief email planned 2026-07-07T13:00"; // 09:00 in New York, two days after the owner
    assert.deepEqual((await stage.lines(id)).slice(4), [...rungs, waits]);
    assert.deepEqual(
      (await states(stage, id)).slice(0, 4),
      ["-30d", "-7d", "-1d", "0d"].map((name) => `${name} email suppressed`),
    );

    stage.at("2026-07-06T12:00:00Z");
    const { obligations } = stage.rig.runtime.reminders;
    await obligations.change(tenant, id, { title: "GSTR-3B of June" });
    assert.deepEqual((await stage.lines(id)).slice(4), [...rungs, waits], "planned again, it does not come sooner");
    stage.at("2026-07-07T12:59:00Z");
    assert.deepEqual(await stage.sweep(), { due: 0, lost: 0, replanned: 0 });
    stage.at("2026-07-07T13:00:00Z");
    assert.deepEqual(await stage.sweep(), { due: 1, lost: 0, replanned: 0 });
    assert.deepEqual(await stage.mails(), [
      owners,
      "Chitra Iyer <chief@example.com> Overdue by 7 days: GSTR-3B of June",
    ]);
    stage.at("2026-08-05T00:00:00Z");
    await stage.sweep();
    assert.equal((await stage.mails()).length, 2, "each stage once, however long it stays overdue");
  });

  test("an owner who answers within that time spares the manager", async () => {
    const { stage: opened, id } = await outage();
    await using stage = opened;
    await stage.rig.runtime.reminders.occurrences.acknowledge(tenant, id, {});
    stage.at("2026-07-08T00:00:00Z");
    assert.deepEqual(await stage.sweep(), { due: 0, lost: 0, replanned: 0 });
    assert.deepEqual(await stage.mails(), [owners]);
  });

  test("of the workers that send alone: while the owner's message waits for one, the manager's waits behind it", async () => {
    await using stage = await openStage("2026-06-29T00:00:00Z");
    const { id } = await stage.create({ manager: chief, offsets: [] });
    const { outbox } = stage.rig.runtime.reminders;
    const options = { signal: new AbortController().signal, repeatable: [] };
    const manager = async () => (await stage.lines(id)).find((line) => line.startsWith("overdue-manager"));
    stage.at("2026-07-03T03:31:00Z"); // the manager's turn, and the owner knows nothing
    assert.equal((await outbox.sweep(deliver, options)).due, 1);
    assert.equal(await manager(), "overdue-manager chief email planned 2026-07-05T03:30");
    stage.at("2026-07-05T03:31:00Z");
    await outbox.sweep(deliver, options);
    assert.equal(await manager(), "overdue-manager chief email planned 2026-07-07T03:30");
    await stage.rig.work();
    await stage.rig.until(async () => (await stage.rows(id, ["sent"])).length === 1);
    stage.at("2026-07-07T03:31:00Z");
    await stage.sweep();
    assert.deepEqual(await stage.mails(), [
      "Asha Rao <asha@example.com> Overdue by 5 days: GSTR-3B",
      "Chitra Iyer <chief@example.com> Overdue by 7 days: GSTR-3B",
    ]);
  });
});

test("completed in the same second as the reminder: sent or not sent, never sent after the answer", async () => {
  const smtpOpen = Promise.withResolvers<void>();
  await using smtp = await startSmtp(async () => {
    await smtpOpen.promise;
    return undefined;
  });
  await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { smtpUrl: smtp.url } });
  const ids: string[] = [];
  for (let index = 0; index < 30; index += 1)
    ids.push((await stage.create({ ...dueToday, title: `Duty ${index}` })).id);
  stage.at(morning);
  await stage.rig.work();
  const swept = stage.sweep();
  const { occurrences } = stage.rig.runtime.reminders;
  smtpOpen.resolve();
  await Promise.all(ids.map((id) => occurrences.complete(tenant, id, { evidence: "in time", by: "key" })));
  await swept;
  const rows = await stage.rows();
  const sent = rows.filter((row) => row.state === "sent").map((row) => row.reference);
  assert.deepEqual([...smtp.taken.keys()].sort(), [...sent].sort());
  assert.ok([...smtp.taken.values()].every((count) => count === 1));
  assert.deepEqual(
    rows
      .filter((row) => row.state !== "sent")
      .map((row) => `${row.state} ${row.because}`)
      .filter((line) => line !== "suppressed completed"),
    [],
  );
  assert.equal(rows.filter((row) => row.stage === "0d").length, 30);
});

test("several sweeps and workers at once give each message one job and one sending", async () => {
  await using smtp = await startSmtp();
  await using stage = await openStage("2026-06-29T12:00:00Z", { channels: { smtpUrl: smtp.url } });
  for (let index = 0; index < 40; index += 1) await stage.create({ ...dueToday, title: `Duty ${index}` });
  stage.at(morning);
  const { outbox } = stage.rig.runtime.reminders;
  const options = { signal: new AbortController().signal, repeatable: [] };
  const swept = await Promise.all([1, 2, 3].map(() => outbox.sweep(deliver, options)));
  assert.equal(
    swept.reduce((sum, one) => sum + one.due, 0),
    40,
  );
  await stage.rig.work();
  await stage.rig.work();
  await stage.rig.until(async () => (await stage.rows(undefined, ["sent"])).length === 40);
  assert.deepEqual([...smtp.taken.values()], Array(40).fill(1));
});

test("a sender that vanished: PagerDuty is told again, e-mail is held and listed, by the next attempt as by the sweep", async () => {
  await using stage = await openStage("2026-06-29T12:00:00Z");
  const { id } = await stage.create({ ...dueToday, channels: ["email", "pagerduty"] });
  stage.at("2026-07-01T04:00:00Z");
  const { outbox, deliveries } = stage.rig.runtime.reminders;
  const overdue = (await stage.rows(id)).filter((row) => row.stage === "overdue-owner");
  const [mail, page] = overdue.sort((a, b) => a.channel.localeCompare(b.channel));
  const first = await outbox.claim(tenant, mail!.id, ["pagerduty"]);
  assert.deepEqual(await outbox.claim(tenant, mail!.id, ["pagerduty"]), { kind: "unknown" });
  assert.equal((await deliveries.troubled(tenant, "unknown", { limit: 10 }))[0]!.errorCode, "sender_vanished");
  await outbox.claim(tenant, page!.id, ["pagerduty"]);
  assert.equal((await outbox.claim(tenant, page!.id, ["pagerduty"])).kind, "send");

  // The attempt that was believed lost is not: it knows better.
  if (first.kind === "send") await outbox.sent(first.message, "<late@house>");
  assert.deepEqual((await stage.rows(id)).find((row) => row.id === mail!.id)?.state, "sent");

  const again = await stage.create({ ...dueToday, title: "Second" });
  const row = (await stage.rows(again.id)).find((one) => one.stage === "overdue-owner")!;
  await outbox.claim(tenant, row.id, []);
  stage.clock.advance(16 * 60_000);
  const swept = await outbox.sweep(deliver, { signal: new AbortController().signal, repeatable: ["pagerduty"] });
  assert.equal(swept.lost, 2);
  assert.equal((await stage.rows(again.id)).find((one) => one.id === row.id)!.state, "unknown");
  assert.equal((await stage.rows(id)).find((one) => one.id === page!.id)!.state, "planned");
});

test("what was claimed for an owner who is one no more is not sent after all", async () => {
  await using stage = await openStage("2026-06-29T12:00:00Z");
  const { id } = await stage.create(dueToday);
  stage.at(morning);
  const { outbox, obligations } = stage.rig.runtime.reminders;
  const row = (await stage.rows(id))[0]!;
  const claim = await outbox.claim(tenant, row.id, []);
  await obligations.change(tenant, id, { owner: chief });
  if (claim.kind === "send")
    await outbox.notSent(claim.message, { code: "message_not_sent", final: false, maxTries: 8 });
  assert.deepEqual(await outbox.claim(tenant, row.id, []), { kind: "over", state: "superseded" });
});
