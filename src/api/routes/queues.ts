import type { Request } from "express";
import { z } from "zod";
import { minutes } from "#core/duration.ts";
import type { QueueDefinition } from "#core/queue.ts";
import type { Audit } from "../../access/audit.ts";
import type { Engine, EngineCounts } from "../../engines/engine.ts";
import type { JobReader } from "../../ledger/job-reader.ts";
import { openStates, terminalStates } from "../../ledger/job-state.ts";
import { combineDepths } from "../../observability/queue-depth.ts";
import { type QueueSettings, UnknownQueue } from "../../producer/queue-settings.ts";
import { type Caller, everyTenant } from "../authenticate.ts";
import type { Call, Operation } from "../operation.ts";

const lastMs = minutes(1);
const count = z.int().nonnegative();

const queueView = z
  .object({
    name: z.string().meta({ examples: ["documents"] }),
    engine: z.enum(["redis", "postgres"]),
    durability: z.enum(["ledger", "redis"]),
    order: z
      .enum(["priority", "fifo"])
      .describe("Which waiting job is next. `fifo`: the first to come; its jobs can have no priority."),
    paused: z.boolean().describe("Set by an operator: nothing is taken from it; what runs goes on, what comes waits."),
    pausedSince: z.iso.datetime().nullable(),
    slotsPerWorker: count.describe("Jobs that one worker process runs at once."),
    depth: z
      .object(Object.fromEntries(openStates.map((state) => [state, count])))
      .nullable()
      .describe(
        "Open jobs by state. `null`: only Redis knows, and it does not answer, or does not tell tenants apart.",
      ),
    oldestWaitingMs: z
      .number()
      .nonnegative()
      .describe("For how long the oldest job that no worker holds has been due."),
    endedLastMinute: z.object(Object.fromEntries(terminalStates.map((state) => [state, count]))),
  })
  .meta({ id: "Queue" });
const queueList = z.object({ items: z.array(queueView) });
const queueParams = z.object({ queue: z.string().describe("The queue's `name`.") });

interface Dependencies {
  readonly queues: readonly QueueDefinition[];
  readonly engineOf: (queue: QueueDefinition) => Engine;
  readonly reader: JobReader;
  readonly settings: QueueSettings;
  readonly audit: Audit;
}

/**
 * GET /v1/queues: what waits, runs and has just ended, of the caller's tenant or of all.
 * POST /v1/queues/{queue}/pause and /resume: for operators of all tenants; written into the audit first.
 * 200 done · 202 set, its engine is away and is told when it is back · 404 no such queue.
 */
export function queueRoutes(deps: Dependencies): Operation[] {
  const { queues, settings } = deps;
  const steer = (verb: "pause" | "resume", description: string): Operation => ({
    name: `queues.${verb}`,
    tag: "Steer work",
    method: "post",
    path: `/v1/queues/{queue}/${verb}`,
    summary: verb === "pause" ? "Pause a queue" : "Resume a queue",
    description,
    needs: "operate",
    params: queueParams,
    answers: {
      200: { description: "Done.", schema: queueView },
      202: { description: "Set. Its engine does not answer, and is told as soon as it does.", schema: queueView },
    },
    problems: ["unknown_queue"],
    async handle({ req, res, caller }: Call) {
      everyTenant(caller);
      const queue = requireQueue(queues, req);
      const { keyId: actor, role } = caller;
      const deed = { actor, action: `queue.${verb}`, subject: `queue/${queue.name}`, details: { role, via: "api" } };
      const entry = await deps.audit.record(deed);
      const told = await settings.set(queue.name, verb === "pause", actor);
      const status = told ? 200 : 202;
      await deps.audit.conclude(entry, { status });
      res.status(status).json((await look(deps, caller)).find(({ name }) => name === queue.name));
    },
  });
  return [
    {
      name: "queues.list",
      tag: "Follow work",
      method: "get",
      path: "/v1/queues",
      summary: "List the queues",
      description: "How much of each queue is open, by state, and how long its oldest job has been due.",
      needs: "read",
      answers: { 200: { description: "All queues.", schema: queueList } },
      problems: [],
      async handle({ res, caller }) {
        res.json({ items: await look(deps, caller) });
      },
    },
    steer(
      "pause",
      "Workers take nothing more from it; what runs goes on, and what is accepted waits. Kept in Postgres: it outlives " +
        "restarts, and the loss of Redis. The key must be one of `*`.",
    ),
    steer("resume", "Workers take from it again. The key must be one of `*`."),
  ];
}

async function look(deps: Dependencies, { actsFor }: Caller): Promise<z.output<typeof queueView>[]> {
  const { queues, reader, settings, engineOf } = deps;
  const names = queues.map(({ name }) => name);
  const onlyInEngine = actsFor === null ? queues.filter(({ durability }) => durability === "redis") : [];
  const engines = new Map<string, EngineCounts>();
  const [open, ended, set] = await Promise.all([
    reader.depths(actsFor),
    reader.ended(names, lastMs, actsFor),
    settings.all(),
    ...onlyInEngine.map(async (queue) => {
      const counts = await engineOf(queue)
        .counts(queue)
        .catch(() => null);
      if (counts) engines.set(queue.name, counts);
    }),
  ]);
  const depths = new Map(combineDepths(queues, open, engines).map((depth) => [depth.queue, depth]));
  return queues.map(({ name, engine, durability, order, concurrency }) => {
    const ends = (state: string) => ended.find((row) => row.queue === name && row.state === state)?.count ?? 0;
    const setting = set.get(name);
    const paused = setting?.paused ?? false;
    return {
      name,
      engine,
      durability,
      order,
      paused,
      pausedSince: paused ? setting!.changedAt.toISOString() : null,
      slotsPerWorker: concurrency,
      depth: depths.get(name)?.counts ?? null,
      oldestWaitingMs: depths.get(name)?.oldestWaitingMs ?? 0,
      endedLastMinute: Object.fromEntries(terminalStates.map((state) => [state, ends(state)])),
    };
  });
}

function requireQueue(queues: readonly QueueDefinition[], req: Request): QueueDefinition {
  const name = String(req.params.queue);
  const queue = queues.find((candidate) => candidate.name === name);
  if (!queue) throw new UnknownQueue(name);
  return queue;
}
