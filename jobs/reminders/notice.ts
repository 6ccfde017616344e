import type { Notice } from "#core/channel.ts";
import type { ClaimedMessage } from "#core/outbox.ts";

const months = "January February March April May June July August September October November December".split(" ");
const severities = { high: "critical", normal: "error", low: "warning" } as const;

/** What a message says, in every form that a channel may need. Pure: the same message always says the same. */
export function noticeOf(message: ClaimedMessage): Notice {
  const { id, tenant, to, stage, obligation, occursOn, dueOn, daysLeft, role } = message;
  const day = longDate(dueOn);
  const overdue = daysLeft < 0;
  const subject = `${headline(stage, daysLeft, day)}: ${obligation.title}`;
  const lines = [
    `${obligation.title} ${overdue ? "was" : "is"} due on ${day}${overdue ? ` and is overdue by ${count(-daysLeft, "day")}` : ""}.`,
    `Company: ${obligation.company}. Kind: ${obligation.kind}.`,
    reasonOf(stage, role),
  ];
  return {
    id,
    to,
    subject,
    text: `Hello ${to.name},\n\n${lines.join("\n\n")}\n`,
    html: `<!doctype html><html lang="en"><body><p>Hello ${escaped(to.name)},</p>${lines
      .map((one) => `<p>${escaped(one)}</p>`)
      .join("")}</body></html>`,
    severity: stage.startsWith("overdue-") ? severities[obligation.priority] : "info",
    incident: `nightshift/${tenant}/${obligation.id}/${occursOn}`,
    resolves: stage === "resolve",
    facts: { obligationId: obligation.id, company: obligation.company, kind: obligation.kind, dueOn, stage },
  };
}

function headline(stage: string, daysLeft: number, day: string): string {
  if (stage.startsWith("moved-")) return `Now due on ${day}`;
  if (stage === "resolve") return "Done";
  if (daysLeft < 0) return `Overdue by ${count(-daysLeft, "day")}`;
  if (daysLeft === 0) return "Due today";
  return daysLeft === 1 ? "Due tomorrow" : `Due in ${count(daysLeft, "day")}`;
}

function reasonOf(stage: string, role: ClaimedMessage["role"]): string {
  if (stage.startsWith("moved-")) return "You are told because its due date has changed since the last message.";
  if (stage.startsWith("snooze-")) return "You asked to be reminded today.";
  if (role === "manager")
    return "You are told as the owner's manager, because nobody has acknowledged or completed it.";
  return "You are told as its owner.";
}

/** "2026-12-20" → "20 December 2026". Not by Intl, whose output changes with the ICU of a Node release. */
function longDate(date: string): string {
  const [year = "", month = "", day = ""] = date.split("-");
  return `${Number(day)} ${months[Number(month) - 1]} ${year}`;
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? "" : "s"}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
