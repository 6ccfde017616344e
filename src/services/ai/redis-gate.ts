import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import type { Entry, Permit, ProviderGate } from "#core/ai-gate.ts";
import type { AiProvider } from "#core/ai-models.ts";
import { minutes, seconds } from "#core/duration.ts";
import { StoreUnavailable } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import { type AiMeter, silentMeters } from "#core/meters.ts";
import { enterScript, leaveScript } from "./gate-script.ts";

export interface GateOptions {
  readonly url: string;
  /** First part of every key. */
  readonly prefix: string;
  readonly log: Log;
  /** What limits count in: a minute, as providers do. Tests turn it faster. */
  readonly windowMs?: number;
  readonly breaker?: Partial<Breaker>;
  readonly meter?: AiMeter;
}

/** When a provider is left alone, and for how long. */
export interface Breaker {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** The first rest; each failed probe doubles it, up to `maxMs`. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** A failure longer ago than this is no row any more. */
  readonly rememberMs: number;
  /** A probe that says nothing for this long has died with its worker: another one may go. */
  readonly probeMs: number;
}

export const defaultBreaker: Breaker = {
  failures: 5,
  firstMs: seconds(15),
  maxMs: minutes(5),
  rememberMs: minutes(1),
  probeMs: seconds(70), // longer than the longest call
};

/**
 * The window is divided into so many stretches. One of them is what the limit's use loses (2 %), and by how much the ways of
 * two calls to the provider may differ before it counts them into one window (1.2 s of a minute).
 */
const stretches = 50;
const answerMs = seconds(3);

interface Scripted extends Redis {
  aiEnter(key: string, ...args: (string | number)[]): Promise<[string, number, string]>;
  aiLeave(key: string, ...args: (string | number)[]): Promise<[string, number, string]>;
}

/**
 * The gate in Redis: one state for all workers. Holds counts, times and nothing of what is asked. Connects at its first use,
 * so that processes without AI work do not. Rejects with StoreUnavailable while Redis is away: no call is made uncounted.
 */
export class RedisGate implements ProviderGate {
  readonly #options: GateOptions;
  readonly #windowMs: number;
  readonly #bucketMs: number;
  readonly #breaker: Breaker;
  readonly #meter: AiMeter;
  #redis: Scripted | null = null;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#windowMs = options.windowMs ?? minutes(1);
    this.#bucketMs = Math.max(10, Math.round(this.#windowMs / stretches));
    this.#breaker = { ...defaultBreaker, ...options.breaker };
    this.#meter = options.meter ?? silentMeters.ai;
  }

  async enter(provider: AiProvider, tokens: number, { queue = false }: { queue?: boolean } = {}): Promise<Entry> {
    const probe = randomUUID();
    const { requests, tokens: maxTokens } = provider.limits;
    const [kind, amount, bucket] = await this.#ask((redis) =>
      redis.aiEnter(
        this.#key(provider),
        ...[this.#windowMs, this.#bucketMs, requests, maxTokens, Math.max(1, tokens)],
        ...[probe, this.#breaker.probeMs, queue ? 1 : 0],
      ),
    );
    if (kind === "go") return { kind, permit: { bucket, tokens, probe: amount === 1 ? probe : null } };
    return { kind: kind as "limited" | "open", waitMs: amount };
  }

  async leave(
    provider: AiProvider,
    permit: Permit,
    { kind, tokens, rates = {}, holdMs = 0 }: Parameters<ProviderGate["leave"]>[2],
  ): Promise<void> {
    const { failures, firstMs, maxMs, rememberMs } = this.#breaker;
    const said = [rates.limitRequests, rates.remainingRequests, rates.limitTokens, rates.remainingTokens];
    const [changed] = await this.#ask((redis) =>
      redis.aiLeave(
        this.#key(provider),
        ...[this.#windowMs, this.#bucketMs, kind, permit.probe ?? "", permit.bucket],
        kind === "unused" ? -permit.tokens : tokens === undefined ? 0 : Math.round(tokens - permit.tokens),
        ...said.map((value) => value ?? ""),
        ...[Math.ceil(holdMs), failures, firstMs, maxMs, rememberMs],
      ),
    );
    if (!changed) return;
    this.#options.log.warn({ provider: provider.name }, `ai.breaker_${changed}`);
    this.#meter.breaker({ provider: provider.name, change: changed as "opened" | "closed" });
  }

  /** Whether the breaker is open: until a probe was answered, also while one is on its way. */
  async isOpen(provider: AiProvider): Promise<boolean> {
    return (await this.#ask((redis) => redis.hexists(this.#key(provider), "openUntil"))) === 1;
  }

  async stop(): Promise<void> {
    this.#redis?.disconnect();
    this.#redis = null;
  }

  #key({ name, keyId }: AiProvider): string {
    return `{${this.#options.prefix}:ai-gate}:${name}:${keyId}`;
  }

  async #ask<T>(work: (redis: Scripted) => Promise<T>): Promise<T> {
    try {
      this.#redis ??= connect(this.#options);
      return await work(this.#redis);
    } catch (error) {
      throw new StoreUnavailable("redis", error);
    }
  }
}

function connect({ url, log }: GateOptions): Scripted {
  const redis = new Redis(url, {
    maxRetriesPerRequest: 1,
    commandTimeout: answerMs,
    retryStrategy: (times) => Math.min(50 * times, 1_000),
    disconnectTimeout: 100,
  });
  redis.on("error", (error) => log.warn({ error: error.message }, "redis.connection_lost"));
  redis.defineCommand("aiEnter", { numberOfKeys: 1, lua: enterScript });
  redis.defineCommand("aiLeave", { numberOfKeys: 1, lua: leaveScript });
  return redis as Scripted;
}
