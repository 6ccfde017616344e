import type { Screen } from "../screen.ts";
import { platforms } from "../tenants.ts";
import { plural } from "../wording.ts";
import type { ReminderEvidence } from "./proof.ts";

/** What was announced and what was written. */
export function sayReminders(screen: Screen, evidence: ReminderEvidence): void {
  const { quarter, calendars, announced, moves, mails } = evidence;
  const names = calendars.map(({ platform }) => platforms[platform].name).join(" and ");
  screen.say(screen.style("bold", `Reminders: ${names}`));
  for (const { calendar, company, duties, announced: count } of calendars)
    screen.say(`  calendar ${calendar} for ${company}: ${plural(duties, "obligation")}, ${plural(count, "message")}`);
  const days = `${quarter.from.slice(0, 10)} to ${lastDay(quarter.until)}`;
  screen.say(`  The quarter ${days}, the clock moved by hand ${moves} times:`);
  const ids = new Set(mails.map(({ messageId }) => messageId)).size;
  const onTime = announced.filter(({ id, fireAt }) =>
    mails.some(({ deliveryId, date }) => deliveryId === id && Date.parse(date) === Date.parse(fireAt)),
  ).length;
  screen.say(
    `  ${plural(announced.length, "message")} announced, ${plural(mails.length, ".eml file")}, ` +
      `${ids} different Message-IDs, ${onTime} dated at the announced instant.`,
  );
  const sample = [mails[0], mails.find(({ subject }) => subject.startsWith("Overdue"))];
  for (const mail of sample) if (mail) screen.say(screen.style("dim", `  ${mail.date.slice(0, 16)}Z  ${mail.subject}`));
  screen.say();
}

function lastDay(until: string): string {
  return new Date(Date.parse(until) - 86_400_000).toISOString().slice(0, 10);
}
