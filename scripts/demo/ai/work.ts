import type { BudgetStatus } from "#core/ai-budgets.ts";
import type { RecordedCall } from "#core/ai-calls.ts";
import { type Respond, type Responded, respond } from "#jobs/ai/respond.job.ts";
import type { EndedJob } from "../../../src/client/client.ts";
import type { Tally } from "../progress.ts";
import type { Way } from "../way.ts";
import type { AiEvidence, Answered, Part } from "./proof.ts";
import type { ProviderRig } from "./provider-rig.ts";
import { again, first, overflow, several, unanswered } from "./questions.ts";

const endWithinMs = 60_000;
/** Longer than the chain's patience with a provider: the next one is asked instead. */
const longWait = "429:1200";

/** Ask through a chain whose providers fail, limit, and are exhausted, and gather answers, calls and the providers' bill. */
export async function askQuestions(options: { way: Way; rig: ProviderRig; tally: Tally }): Promise<AiEvidence> {
  const { way, rig, tally } = options;
  tally.total = 1 + several.length + 3;
  const ask = async (part: Part, asked: Respond): Promise<Answered> => {
    const { id } = await way.client.enqueue(respond, asked);
    const job: EndedJob<Responded | null> = await way.client.wait(id, { timeoutMs: endWithinMs });
    tally.done += 1;
    return { part, message: asked.message, job };
  };

  rig.script("perplexity", "429:1");
  const answered = [await ask("limited", first)];
  answered.push(...(await Promise.all(several.map((one) => ask("usual", one)))));
  answered.push(await ask("repeated", again));
  rig.script("perplexity", longWait);
  answered.push(await ask("overflow", overflow));
  rig.script("huggingface", "503");
  answered.push(await ask("exhausted", unanswered));

  const { items: budgets } = await way.http.json<{ items: BudgetStatus[] }>("/v1/ai/budgets");
  const spent = budgets.find(({ scope, period }) => scope === "tenant" && period === "day") ?? null;
  return { answered, calls: await recordedCalls(way), bill: rig.bill, spent };
}

async function recordedCalls({ http }: Way): Promise<readonly RecordedCall[]> {
  const calls: RecordedCall[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const after: string = cursor && `&cursor=${cursor}`;
    const page: { items: RecordedCall[]; nextCursor: string | null } = await http.json(
      `/v1/ai/calls?limit=200${after}`,
    );
    calls.push(...page.items);
    cursor = page.nextCursor;
  }
  return calls;
}
