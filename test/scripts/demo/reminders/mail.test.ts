import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, test } from "vitest";
import { readMails } from "../../../../scripts/demo/reminders/mail.ts";
import { ManualClock } from "../../../../src/core/clock.ts";
import { EmlChannel } from "../../../../src/services/channels/email.ts";

const from = "Nightshift <reminders@nightshift.invalid>";
const notice = {
  id: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90",
  to: { id: "asha", name: "Āśā Rāo", email: "asha@example.com" },
  subject: "Due in 7 days: GSTR-3B: सारांश विवरणी, with a title that is long enough to be folded over several lines",
  text: "Hello Āśā,\n\nit is due.\n",
  html: "<p>Hello</p>",
  severity: "info" as const,
  incident: "one",
  resolves: false,
  facts: { obligationId: "one", company: "acme", kind: "tax-return", dueOn: "2026-07-20", stage: "-7d" },
};

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "nightshift-mail-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("a mail that the channel wrote is read back as a mail program reads it", async () => {
  const dir = await folder();
  const clock = new ManualClock("2026-07-13T03:30:00Z");
  const taken = await new EmlChannel({ dir, from, clock }).send(notice);

  const [mail, ...others] = await readMails(dir);
  assert.deepEqual(others, []);
  assert.equal(mail!.subject, notice.subject);
  assert.equal(mail!.to, "asha@example.com");
  assert.equal(mail!.date, "2026-07-13T03:30:00.000Z");
  assert.equal(mail!.messageId, taken.reference);
  assert.equal(mail!.deliveryId, notice.id);
  assert.match(mail!.text, /Hello Āśā/);
  assert.deepEqual(await readdir(dir), [`${notice.id}.eml`]);
});

test("a file that is no mail is named", async () => {
  const dir = await folder();
  await writeFile(join(dir, "cut.eml"), "Subject: half a ma");
  await assert.rejects(readMails(dir), /cut\.eml to be a mail/);
});
