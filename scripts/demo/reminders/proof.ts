import type { JobLine } from "../../../src/client/client.ts";
import type { Platform } from "../tenants.ts";
import type { Mail } from "./mail.ts";
import type { Quarter } from "./quarter.ts";

/** A message as `GET /v1/reminders/preview` announced it. */
export interface Announced {
  readonly id: string;
  readonly title: string;
  readonly stage: string;
  /** ISO 8601. */
  readonly fireAt: string;
  /** The recipient's wall clock. */
  readonly local: string;
}

/** A calendar that was applied. */
export interface CalendarEvidence {
  readonly platform: Platform;
  readonly calendar: string;
  readonly company: string;
  readonly duties: number;
  readonly announced: number;
}

/** What the verdict on reminders rests on. */
export interface ReminderEvidence {
  readonly quarter: Quarter;
  readonly calendars: readonly CalendarEvidence[];
  /** All messages of the quarter, asked for on its first instant. */
  readonly announced: readonly Announced[];
  /** How often the clock was moved. */
  readonly moves: number;
  /** All files that were written. */
  readonly mails: readonly Mail[];
  /** Messages that the API lists as failed or unknown. */
  readonly troubled: number;
  /** Every job of the tenants, in the stores that are gone by now. */
  readonly jobs: readonly JobLine[];
}

/** So many differences of one kind are named. */
const namedAtMost = 3;

/** What is not as it should be; empty when the reminders proved what they were to prove. */
export function reminderDifferences(evidence: ReminderEvidence): readonly string[] {
  const { calendars, announced, mails, troubled } = evidence;
  const found: string[] = [];
  for (const { calendar, duties, announced: count } of calendars)
    if (duties === 0 || count === 0)
      found.push(`calendar ${calendar}: expected duties with messages, found ${duties} with ${count}`);
  if (mails.length !== announced.length)
    found.push(`expected ${announced.length} mails, as many as were announced, found ${mails.length}`);
  if (troubled > 0) found.push(`expected every reminder to be sent, found ${troubled} failed or unknown`);

  const mailsOf = Map.groupBy(mails, ({ deliveryId }) => deliveryId);
  const ids = new Set(announced.map(({ id }) => id));
  const wrong = announced.flatMap((one) => differencesOf(one, mailsOf.get(one.id) ?? []));
  const unannounced = mails.filter(({ deliveryId }) => !ids.has(deliveryId));
  found.push(...wrong.slice(0, namedAtMost));
  for (const { path } of unannounced.slice(0, namedAtMost))
    found.push(`${path}: expected no mail that was not announced`);
  const different = new Set(mails.map(({ messageId }) => messageId)).size;
  if (different !== mails.length) found.push(`expected ${mails.length} different Message-IDs, found ${different}`);
  return found;
}

function differencesOf({ id, title, stage, fireAt }: Announced, mails: readonly Mail[]): readonly string[] {
  const name = `reminder ${stage} of "${title}" (${id})`;
  const [mail] = mails;
  if (!mail || mails.length > 1) return [`${name}: expected one mail, found ${mails.length}`];
  const found: string[] = [];
  if (!mail.subject.endsWith(`: ${title}`)) found.push(`${name}: expected it in the subject, found "${mail.subject}"`);
  if (Date.parse(mail.date) !== Date.parse(fireAt))
    found.push(`${name}: expected the date ${fireAt}, found ${mail.date}`);
  return found;
}
