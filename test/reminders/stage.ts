import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalog } from "../../src/catalog.ts";
import { ManualClock } from "../../src/core/clock.ts";
import { fixed } from "../../src/core/retry.ts";
import type { StoredObligation } from "../../src/reminders/obligations.ts";
import type { RuntimeOptions } from "../../src/runtime.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

/** As shipped, but for its patience: a test does not wait 15 s for a second attempt. */
export const deliver = { ...catalog.get("reminders.deliver"), retry: fixed({ attempts: 8, delayMs: 50 }) };
export const sweep = catalog.get("reminders.sweep");

export const asha = { id: "asha", name: "Asha Rao", email: "asha@example.com" };
export const bela = { id: "bela", name: "Bela Sen", email: "bela@example.com" };
export const chief = { id: "chief", name: "Chitra Iyer", email: "chief@example.com" };

/** A return that is due on the last day of June 2026, in India. */
export const sample = {
  title: "GSTR-3B",
  kind: "tax-return",
  company: "acme-in",
  owner: asha,
  timeZone: "Asia/Kolkata",
  due: { on: "2026-06-30" } as Record<string, unknown>,
};

/** A row of a message, as tests look at it: `-7d asha email planned 2026-06-23T03:30`. */
export interface Row {
  readonly id: string;
  readonly line: string;
  readonly state: string;
  readonly stage: string;
  readonly channel: string;
  readonly because: string | null;
  readonly dueOn: string;
  readonly reference: string | null;
  readonly errorCode: string | null;
}

/** A rig for reminders with a clock that is set by hand; e-mail becomes files unless a test says otherwise. */
export interface Stage extends AsyncDisposable {
  readonly rig: Rig;
  readonly clock: ManualClock;
  readonly holidaysDir: string;
  create(overrides?: Record<string, unknown>): Promise<StoredObligation>;
  rows(obligationId?: string, states?: readonly string[]): Promise<Row[]>;
  /** Rows as text, those of the states that are asked for. */
  lines(obligationId: string, states?: readonly string[]): Promise<string[]>;
  /** Move the clock to an instant. */
  at(instant: string): void;
  /** One sweep, and then every job it made until it has ended. Needs `rig.work()`. */
  sweep(): Promise<unknown>;
  /** Subjects of the e-mails written so far, by file, sorted. */
  mails(): Promise<string[]>;
}

export async function openStage(
  start: string,
  { channels, relay, meters }: Pick<RuntimeOptions, "channels" | "meters"> & { relay?: boolean } = {},
): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), "nightshift-reminders-"));
  const mailDir = join(dir, "mail");
  const holidaysDir = join(dir, "holidays");
  const clock = new ManualClock(start);
  const rig = await startRig({
    jobs: [deliver, sweep],
    clock,
    holidaysDir,
    channels: channels ?? { mailDir },
    relay: relay ?? false,
    ...(meters && { meters }),
  });
  const { reminders, producer, database } = rig.runtime;
  const rows: Stage["rows"] = async (obligationId, states) => {
    const found = await database.executeSql(
      `select *, due_on::text as due_text from ${rig.schema}.deliveries
       where ($1::uuid is null or obligation_id = $1) and ($2::text[] is null or state = any($2))
       order by occurs_on, fire_at, stage, recipient, channel`,
      [obligationId ?? null, states ?? null],
    );
    return found.rows.map((row) => ({
      id: row.id,
      line: [
        row.stage,
        row.recipient,
        row.channel,
        row.state,
        row.because ?? row.fire_at.toISOString().slice(0, 16),
      ].join(" "),
      state: row.state,
      stage: row.stage,
      channel: row.channel,
      because: row.because,
      dueOn: row.due_text,
      reference: row.reference,
      errorCode: row.error_code,
    }));
  };
  return {
    rig,
    clock,
    holidaysDir,
    rows,
    async create(overrides = {}) {
      const made = await reminders.obligations.create(tenant, reminders.obligations.read({ ...sample, ...overrides }));
      return made!;
    },
    async lines(obligationId, states) {
      return (await rows(obligationId, states)).map(({ line }) => line);
    },
    at(instant) {
      const by = Date.parse(instant) - clock.now();
      assert.ok(by >= 0, "time goes on");
      clock.advance(by);
    },
    async sweep() {
      const { id } = await producer.enqueue("*", sweep, {});
      const swept = await rig.settled(id);
      assert.equal(swept.state, "completed", JSON.stringify(swept.error));
      await rig.until(async () => {
        const open = await database.executeSql(
          `select 1 from ${rig.schema}.jobs where job = $1 and finished_at is null limit 1`,
          [deliver.name],
        );
        return open.rows.length === 0;
      });
      return swept.result;
    },
    async mails() {
      const names = await readdir(mailDir).catch(() => []);
      const texts = await Promise.all(names.map((name) => readFile(join(mailDir, name), "utf8")));
      return texts
        .map((text) => `${/^To: (.*)$/m.exec(text)?.[1]} ${/^Subject: (.*)$/m.exec(text)?.[1]}`.replaceAll("\r", ""))
        .sort();
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
