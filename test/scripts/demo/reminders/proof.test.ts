import assert from "node:assert/strict";
import { test } from "vitest";
import type { Mail } from "../../../../scripts/demo/reminders/mail.ts";
import {
  type Announced,
  type ReminderEvidence,
  reminderDifferences,
} from "../../../../scripts/demo/reminders/proof.ts";

function announced(id: string): Announced {
  const fireAt = "2026-07-13T03:30:00.000Z";
  return { id, title: "GSTR-3B", stage: "-7d", fireAt, local: "2026-07-13T09:00" };
}

/** The mail of an announced message, as it should be. */
function mail(id: string, changes: Partial<Mail> = {}): Mail {
  return {
    path: `mail/${id}.eml`,
    subject: "Due in 7 days: GSTR-3B",
    to: "asha@example.com",
    date: "2026-07-13T03:30:00.000Z",
    messageId: `<${id}@nightshift.invalid>`,
    deliveryId: id,
    text: "Hello",
    ...changes,
  };
}

function evidence(changes: Partial<ReminderEvidence> = {}): ReminderEvidence {
  return {
    quarter: { from: "2026-07-01T00:00:00.000Z", until: "2026-10-01T00:00:00.000Z", days: 92 },
    calendars: [{ platform: "complianceai", calendar: "in-gst", company: "acme", duties: 3, announced: 2 }],
    announced: [announced("one"), announced("two")],
    moves: 2,
    mails: [mail("one"), mail("two")],
    troubled: 0,
    jobs: [],
    ...changes,
  };
}

test("when every announced message is one mail nothing differs", () => {
  assert.deepEqual(reminderDifferences(evidence()), []);
});

test.each<[string, Partial<ReminderEvidence>, RegExp]>([
  ["a message that was not sent", { mails: [mail("one")] }, /\(two\): expected one mail, found 0/],
  [
    "a message that was sent twice",
    { mails: [mail("one"), mail("one"), mail("two")] },
    /\(one\): expected one mail, found 2/,
  ],
  ["a mail too many", { mails: [mail("one"), mail("two"), mail("three")] }, /three.eml: expected no mail/],
  ["a count that differs", { mails: [mail("one")] }, /expected 2 mails, as many as were announced, found 1/],
  [
    "a late mail",
    { mails: [mail("one", { date: "2026-07-14T03:30:00.000Z" }), mail("two")] },
    /expected the date 2026-07-13/,
  ],
  [
    "a mail about something else",
    { mails: [mail("one", { subject: "Due: x" }), mail("two")] },
    /expected it in the subject/,
  ],
  [
    "a Message-ID used twice",
    { mails: [mail("one"), mail("two", { messageId: "<one@nightshift.invalid>" })] },
    /expected 2 different Message-IDs, found 1/,
  ],
  ["a reminder whose end is not known", { troubled: 1 }, /found 1 failed or unknown/],
  [
    "a calendar without a message",
    { calendars: [{ platform: "cloudops", calendar: "soc2", company: "acme", duties: 0, announced: 0 }] },
    /calendar soc2: expected duties with messages, found 0 with 0/,
  ],
])("%s is named", (_, changes, expected) => {
  const found = reminderDifferences(evidence(changes));
  assert.equal(found.filter((difference) => expected.test(difference)).length, 1, found.join("\n"));
});
