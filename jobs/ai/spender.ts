import type { Spender } from "#core/ai-budgets.ts";
import type { Door } from "#core/job.ts";
import { defaultPurpose } from "./asker.ts";

interface Asked {
  readonly userId?: string | undefined;
  readonly purpose?: string | undefined;
}

/** Whose budgets a job is held to. */
export function spender(tenant: string, { userId, purpose = defaultPurpose }: Asked): Spender {
  return { tenant, userId, purpose };
}

/** Refuse at the door what no budget would pay for. Rejects with AiBudgetExceeded. */
export async function haveBudget(requests: readonly Asked[], { tenant, services, sql }: Door): Promise<void> {
  const spenders = new Map(
    requests.map((asked) => [`${asked.userId} ${asked.purpose}`, spender(tenant, asked)] as const),
  );
  for (const one of spenders.values()) await services.ai.budgets.check(one, sql);
}
