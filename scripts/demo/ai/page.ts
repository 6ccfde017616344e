import type { RecordedCall } from "#core/ai-calls.ts";
import type { Screen } from "../screen.ts";
import { platforms } from "../tenants.ts";
import { dollars, plural, seconds, table } from "../wording.ts";
import { type AiEvidence, type Answered, paidFor } from "./proof.ts";

/** Who answered what, what it cost, and whether the providers' bill agrees. */
export function sayAnswers(screen: Screen, { answered, calls, bill }: AiEvidence): void {
  screen.say(screen.style("bold", `AI answers: ${platforms.complianceai.name}`));
  for (const line of table(answered.map((one) => row(one, calls)))) screen.say(line);
  const down = calls.filter(({ provider, state }) => provider === "openai" && state === "failed");
  const spared = answered.filter(({ job }) => calls.some(of(job)) && !down.some(of(job))).length;
  const breaker = spared > 0 ? `; its breaker spared it ${plural(spared, "question")} after that` : "";
  screen.say(`  openai answered ${plural(down.length, "call")} with an error${breaker}.`);
  const paid = paidFor(calls);
  screen.say(
    `  The providers' bill: ${plural(bill.calls, "call")}, ${dollars(bill.micros)}; on record here: ` +
      `${plural(paid.count, "answered call")}, ${dollars(paid.micros)}; charged twice: ${bill.duplicates}.`,
  );
  screen.say();
}

function row({ message, job }: Answered, calls: readonly RecordedCall[]): readonly string[] {
  const { result } = job;
  if (!result) return [message, job.state, "", ""];
  const how = result.degraded ? "degraded: from the context, word for word" : result.cached ? "from the cache" : "";
  return [message, result.provider, dollars(result.costMicros), how || waited(job, calls)];
}

/** How a limit was dealt with: by waiting as long as it said, or by asking the next provider. */
function waited(job: Answered["job"], calls: readonly RecordedCall[]): string {
  const own = calls.filter(of(job)).toReversed(); // oldest first
  const limited = own.find(({ errorCode }) => errorCode === "provider_limited");
  if (!limited) return "";
  const next = own.find(({ state }) => state === "answered");
  if (next?.provider !== limited.provider) return `${limited.provider} said 429 for too long: next in the chain`;
  const waitedMs = Date.parse(next.startedAt) - Date.parse(limited.startedAt);
  return `429: asked again after ${seconds(waitedMs)} s`;
}

function of({ id }: { readonly id: string }) {
  return ({ jobId }: RecordedCall) => jobId === id;
}
