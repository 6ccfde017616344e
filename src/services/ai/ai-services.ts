import { createHash } from "node:crypto";
import type { AiIncidents, AiServices } from "#core/ai.ts";
import type { AiProvider, Price } from "#core/ai-models.ts";
import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { AiMeter } from "#core/meters.ts";
import type { Database } from "../../ledger/database.ts";
import { PostgresAnswerCache } from "./answer-cache.ts";
import { PostgresBudgets } from "./budget-ledger.ts";
import { PostgresCallBook } from "./call-book.ts";
import { PostgresConversations } from "./conversations.ts";
import { PostgresDrafts } from "./drafts.ts";
import { type Connection, OpenAiModels } from "./openai-models.ts";
import { priceList } from "./price-list.ts";
import { DatedPrices } from "./prices.ts";
import { type Breaker, RedisGate } from "./redis-gate.ts";

/** A provider as the environment names it. */
export interface ProviderSettings extends Omit<AiProvider, "keyId">, Connection {}

/** What the AI family is set to. */
export interface AiSettings {
  /** In the order of the chain. */
  readonly providers: readonly ProviderSettings[];
  /** What a tenant without a daily budget may spend a day; `null`: no limit. */
  readonly dailyMicros: number | null;
  /** Default: the list of this release. */
  readonly prices?: readonly Price[];
  /** What providers' limits count in; default a minute. */
  readonly windowMs?: number;
  readonly breaker?: Partial<Breaker>;
}

/** How a provider's breaker stands. */
export interface BreakerStanding {
  readonly provider: string;
  readonly isOpen: boolean;
}

/** An installation without keys: answers come from the rules alone. */
export const noProviders: AiSettings = { providers: [], dailyMicros: null };

/** The AI family's services, and how to let go of their connection. */
export function createAiServices(options: {
  readonly settings: AiSettings;
  readonly database: Database;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly incidents: AiIncidents;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: AiMeter;
}): AiServices & { breakers(): Promise<readonly BreakerStanding[]>; stop(): Promise<void> } {
  const { settings, database, clock, log, meter } = options;
  const known = settings.providers.map(({ baseUrl, apiKey, ...provider }) => {
    const keyId = createHash("sha256").update(`${baseUrl}\n${apiKey}`).digest("hex").slice(0, 16);
    return { provider: { ...provider, keyId }, connection: { baseUrl, apiKey } };
  });
  const budgets = new PostgresBudgets({ database, clock, dailyMicros: settings.dailyMicros, meter });
  const gate = new RedisGate({
    url: options.redisUrl,
    prefix: options.redisPrefix,
    log,
    meter,
    ...(settings.windowMs !== undefined && { windowMs: settings.windowMs }),
    ...(settings.breaker && { breaker: settings.breaker }),
  });
  return {
    providers: known.map(({ provider }) => provider),
    models: new OpenAiModels(new Map(known.map(({ provider, connection }) => [provider.keyId, connection]))),
    gate,
    prices: new DatedPrices(settings.prices ?? priceList),
    calls: new PostgresCallBook(database, budgets, meter),
    budgets,
    cache: new PostgresAnswerCache(database, meter),
    conversations: new PostgresConversations(database),
    drafts: new PostgresDrafts(database),
    incidents: options.incidents,
    meter,
    breakers: () =>
      Promise.all(
        known.map(async ({ provider }) => ({ provider: provider.name, isOpen: await gate.isOpen(provider) })),
      ),
    stop: () => gate.stop(),
  };
}
