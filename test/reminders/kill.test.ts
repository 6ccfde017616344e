import assert from "node:assert/strict";
import { test } from "vitest";
import { gate } from "../rig/jobs.ts";
import { type House, openHouse } from "../rig/processes.ts";
import { startSmtp } from "./smtp.ts";

/** Few for CI; `REMINDERS_KILL_MAILS=2000` is the run whose figures docs/reminders.md has. */
const mails = Number(process.env.REMINDERS_KILL_MAILS ?? 200);
const ceilingMs = 600_000;
const from = "reminders@house.example";

test(`kill -9 of workers while ${mails} e-mails go out: each arrives once, or is unknown and listed`, {
  timeout: ceilingMs,
}, async () => {
  // At a quarter and at a half the server takes what it gets and answers nothing: the worst moment to be killed in.
  const rounds = [mails / 4, mails / 2].map((at) => ({ at, held: 0, full: gate(), over: gate() }));
  let received = 0;
  await using smtp = await startSmtp(async () => {
    received += 1;
    const round = rounds.find(({ at, held }) => received > at && held < 10);
    if (!round) return;
    round.held += 1;
    if (round.held === 10) round.full.open();
    await round.over.promise;
  });
  await using house = await openHouse();
  await house.start("api");
  await house.start("scheduler");
  await oblige(house);
  const worker = () => house.start("worker", { SMTP_URL: smtp.url, MAIL_FROM: from });

  for (const { full, over } of rounds) {
    const victim = await worker();
    await house.call("POST", "/v1/jobs/reminders.sweep", { payload: {} });
    await full.promise;
    victim.kill("SIGKILL");
    await victim.ended;
    over.open();
  }
  await worker();
  const unknown = await settled(house);

  assert.deepEqual(
    [...smtp.taken].filter(([, times]) => times > 1),
    [],
    "no message arrived twice",
  );
  const listed = new Set(unknown.map(({ id }) => `<${id}@house.example>`));
  const accounted = new Set([...smtp.taken.keys(), ...listed]);
  assert.equal(accounted.size, mails, "every message arrived, or is listed as unknown");
  assert.ok(listed.size >= rounds.length * 10, "those whose answer was held are not known to have arrived");
  process.stdout.write(
    `${mails} e-mails, ${rounds.length} workers killed: ${smtp.taken.size} arrived once, ${listed.size} unknown and listed\n`,
  );
});

/** Obligations that were due yesterday: one message each goes out at once. */
async function oblige(house: House): Promise<void> {
  const due = { on: new Date(Date.now() - 86_400_000).toISOString().slice(0, 10) };
  const shared = {
    kind: "test",
    company: "acme",
    timeZone: "UTC",
    due,
    at: "00:00",
    offsets: [{ days: 0 }],
    overdue: { ownerDays: 30 },
  };
  for (let made = 0; made < mails; made += 20)
    await Promise.all(
      Array.from({ length: Math.min(20, mails - made) }, async (_, index) => {
        const id = `owner-${made + index}`;
        const owner = { id, name: "Owner", email: `${id}@example.com` };
        const { status, body } = await house.call("POST", "/v1/obligations", { ...shared, title: id, owner });
        assert.equal(status, 201, JSON.stringify(body));
      }),
    );
}

/** Wait until no message is planned for now and no job sends one; answers what is listed as unknown. */
async function settled(house: House): Promise<{ id: string }[]> {
  for (const until = Date.now() + ceilingMs * 0.8; ; ) {
    const open = await Promise.all(
      ["accepted", "queued", "running", "retrying"].map((state) =>
        house.call("GET", `/v1/jobs?job=reminders.deliver&state=${state}&limit=1`),
      ),
    );
    const ahead = await house.call("GET", "/v1/reminders/preview?days=1&limit=1");
    const listed = await house.call("GET", "/v1/reminders/deliveries?state=unknown&limit=500");
    if ([...open, ahead].every(({ body }) => body.items.length === 0)) return listed.body.items;
    assert.ok(Date.now() < until, "messages are still on their way");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
