import { fork } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import OpenAI from "openai";
import { respondRequest } from "#jobs/ai/prompts.ts";
import { catalog } from "../../src/catalog.ts";
import { systemClock } from "../../src/core/clock.ts";
import { startServers } from "../../src/embedded/servers.ts";
import { migrate } from "../../src/ledger/migrate.ts";
import type { Producer } from "../../src/producer/producer.ts";
import { Runtime } from "../../src/runtime.ts";
import type { ProviderSettings } from "../../src/services/ai/ai-services.ts";
import { WorkerHost } from "../../src/worker/host.ts";

/** Milliseconds of one call, from its begin to its answer. */
export interface Overhead {
  readonly calls: number;
  readonly bareP50Ms: number;
  readonly jobP50Ms: number;
  /** What an attempt of `ai.respond` adds to the bare SDK: reservation, record, gate, cache, settlement. */
  readonly overheadP50Ms: number;
  readonly overheadP95Ms: number;
}

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/**
 * What `ai.respond` costs beyond the SDK it calls: both ask the fake provider, in a process of its own, one call at a time and
 * in turn, so that they meet the same machine. `fsync` off: the disk is not what is measured.
 */
export async function measureOverhead(calls: number): Promise<Overhead> {
  const provider = fork(fileURLToPath(new URL("../fake-provider.ts", import.meta.url)), ["--port", "0"], {
    silent: true,
  });
  const servers = await startServers({
    dataDir: mkdtempSync(join(tmpdir(), "nightshift-ai-overhead-")),
    temporary: true,
    fsync: false,
    want: { redis: true, postgres: true },
    log: silent,
  });
  try {
    const baseUrl = await listening(provider);
    const [bare, job] = await asked(calls, baseUrl, servers.databaseUrl!, servers.redisUrl!);
    const [bareP50Ms, jobP50Ms] = [quantile(bare, 0.5), quantile(job, 0.5)];
    const overhead = job.map((ms, index) => ms - bare[index]!);
    const overheadP50Ms = quantile(overhead, 0.5);
    return { calls, bareP50Ms, jobP50Ms, overheadP50Ms, overheadP95Ms: quantile(overhead, 0.95) };
  } finally {
    provider.kill("SIGTERM");
    await servers.stop();
  }
}

async function asked(
  calls: number,
  baseUrl: string,
  databaseUrl: string,
  redisUrl: string,
): Promise<[number[], number[]]> {
  const provider = unlimited(baseUrl);
  const ends: number[] = [];
  const runtime = new Runtime({
    catalog,
    databaseUrl,
    redisUrl,
    blobUrl: `file:${mkdtempSync(join(tmpdir(), "nightshift-ai-blobs-"))}`,
    ai: { providers: [provider], dailyMicros: 1_000_000_000_000 },
    clock: systemClock,
    log: silent,
    process: "measure",
    keepsHouse: false,
  });
  await migrate(runtime.database);
  await runtime.start();
  const host = new WorkerHost({
    ...runtime.workerOptions([catalog.get("ai.respond").queue]),
    onEnd: ({ runMs }) => void ends.push(runMs),
  });
  await host.start();
  try {
    return await askInTurn(calls, provider, runtime.producer, ends);
  } finally {
    await host.stop(1_000);
    await runtime.stop();
  }
}

/** The fake provider as one that never says "too many". */
export function unlimited(baseUrl: string): ProviderSettings {
  const limits = { requests: 1_000_000, tokens: 1_000_000_000 };
  return { name: "openai", model: "gpt-4.1-mini", dialect: "chat", baseUrl, apiKey: "any", limits };
}

/**
 * The same question by the bare SDK and then as a job, again and again: milliseconds of each. A worker of this process must
 * serve the queue, and put what each attempt took (`runMs`) into `ends`.
 */
export async function askInTurn(
  calls: number,
  provider: ProviderSettings,
  producer: Producer,
  ends: readonly number[],
): Promise<[bare: number[], jobs: number[]]> {
  const respond = catalog.get("ai.respond");
  const client = new OpenAI({ apiKey: provider.apiKey, baseURL: provider.baseUrl, maxRetries: 0 });
  const warmUp = Math.min(50, calls);
  const bare: number[] = [];
  const jobs: number[] = [];
  for (let n = 0; n < calls + warmUp; n += 1) {
    const question = { message: `Question ${n}`, context: "GSTR-1 is due by the 11th." };
    const { messages } = respondRequest(question, []);
    const from = performance.now();
    const sent = messages.map(({ role, content }) => ({ role, content }));
    await client.chat.completions.create({ model: provider.model, messages: sent, max_completion_tokens: 800 });
    const bareMs = performance.now() - from;
    await producer.enqueue("measure", respond, question);
    while (ends.length <= n) await new Promise((resolve) => setImmediate(resolve));
    if (n < warmUp) continue;
    bare.push(bareMs);
    jobs.push(ends[n]!);
  }
  return [bare, jobs];
}

function listening(provider: ReturnType<typeof fork>): Promise<string> {
  return new Promise((resolve, reject) => {
    provider.once("exit", (code) => reject(new Error(`The fake provider ended: ${code}`)));
    createInterface({ input: provider.stdout! }).on("line", (line) => {
      const { listening: url } = JSON.parse(line) as { listening?: string };
      if (url) resolve(url);
    });
  });
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!.toFixed(2));
}

if (import.meta.main)
  process.stdout.write(`${JSON.stringify(await measureOverhead(Number(process.argv[2] ?? 300)))}\n`);
