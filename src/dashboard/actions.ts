import type { Queue } from "bullmq";
import { type Request, type Response, Router } from "express";
import { NightshiftError, StoreUnavailable } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { QueueDefinition } from "#core/queue.ts";
import { uuidPattern } from "#core/uuid.ts";
import type { Audit } from "../access/audit.ts";
import type { RedisJobData } from "../engines/redis-job.ts";
import type { Cancellation } from "../producer/cancellation.ts";
import type { QueueSettings } from "../producer/queue-settings.ts";
import type { Redrive } from "../producer/redrive.ts";
import { refusalOf } from "./refusals.ts";
import { mayAct, type Visitor } from "./roles.ts";
import { isRead } from "./same-origin.ts";

/** One queue as the board shows it. */
export interface BoardQueue {
  readonly definition: QueueDefinition;
  readonly queue: Queue<RedisJobData>;
  /** Heading; by default the name in words: `ai-calls` becomes `Ai calls`. */
  readonly title?: string;
  /** One sentence under the heading. */
  readonly description?: string;
}

/** What an action comes to. A message is for the person who clicked. */
interface Answer {
  readonly status: 200 | 204 | 404 | 409;
  readonly message?: string;
  /** Facts for the audit, and for the board where it wants some. */
  readonly facts?: Readonly<Record<string, number>>;
}

const done: Answer = { status: 200 };
/** Dead jobs that one click redrives: a request must end, and a second click takes the rest. */
const redriveAtMost = 5_000;
const redriveAtOnce = 20;

/**
 * Everything that the board can change, in the terms of the ledger. Bull Board's own handlers change Redis alone: its
 * "retry" would queue a job that the ledger calls dead, its "clean" would lose one that the ledger calls waiting. So they
 * are never reached. What is not listed here is refused with the right way to do it.
 */
export function actions(options: {
  queues: readonly BoardQueue[];
  cancellation: Cancellation;
  redrive: Redrive;
  settings: Pick<QueueSettings, "set">;
  audit: Audit;
  log: Log;
}): Router {
  const { queues, cancellation, redrive, settings, audit, log } = options;
  const router = Router();

  router.use((req, res, next) => {
    if (isRead(req)) return next("router");
    if (mayAct(visitorOf(res))) return next();
    log.warn({ keyId: visitorOf(res).keyId, method: req.method }, "dashboard.refused");
    refuse(res, "Your key has the role viewer: it may look, but not act.");
  });

  /** Run one action: written down first, concluded after. */
  const carryOut = async (
    res: Response,
    deed: { action: string; subject: string; tenant?: string },
    run: () => Promise<Answer>,
  ): Promise<void> => {
    const id = await audit.record({ ...deed, actor: visitorOf(res).keyId, details: { role: visitorOf(res).role } });
    const answer = await run().catch(async (error: Error) => {
      await audit.conclude(id, { failed: error.name });
      throw error;
    });
    await audit.conclude(id, { status: answer.status, ...answer.facts });
    log.info({ ...deed, keyId: visitorOf(res).keyId, status: answer.status }, "dashboard.acted");
    if (answer.message !== undefined) res.status(answer.status).json({ error: "Not done", message: answer.message });
    else res.status(answer.status).json(answer.facts ?? {});
  };

  const onAll = (path: string, action: string, run: (queue: BoardQueue, keyId: string) => Promise<unknown>) =>
    router.put(path, (_req, res) =>
      carryOut(res, { action, subject: "queue/*" }, async () => {
        await Promise.all(queues.map((queue) => run(queue, visitorOf(res).keyId)));
        return done;
      }),
    );

  const onQueue = (path: string, action: string, run: (queue: BoardQueue, keyId: string) => Promise<Answer>) =>
    router.put(`/queues/:queue${path}`, async (req, res) => {
      const queue = find(req);
      if (!queue) return notFound(res, "queue");
      await carryOut(res, { action, subject: `queue/${queue.definition.name}` }, () =>
        run(queue, visitorOf(res).keyId),
      );
    });

  const onJob = (path: string, action: string, run: (queue: BoardQueue, id: string) => Promise<Answer>) =>
    router.put(`/queues/:queue/:job${path}`, async (req, res) => {
      const queue = find(req);
      const id = String(req.params.job);
      const job = uuidPattern.test(id) ? await queue?.queue.getJob(id) : undefined;
      if (!queue || !job) return notFound(res, "job");
      await carryOut(res, { action, subject: `job/${id}`, tenant: job.data.tenant }, () => run(queue, id));
    });

  const find = (req: Request) => queues.find(({ definition }) => definition.name === req.params.queue);

  onAll("/queues/pause", "queue.pause", ({ definition }, keyId) => settings.set(definition.name, true, keyId));
  onAll("/queues/resume", "queue.resume", ({ definition }, keyId) => settings.set(definition.name, false, keyId));
  onQueue("/pause", "queue.pause", (queue, keyId) => set(settings, queue, true, keyId));
  onQueue("/resume", "queue.resume", (queue, keyId) => set(settings, queue, false, keyId));
  onQueue("/promote", "queue.promote", ({ queue }) => queue.promoteJobs().then(() => done));
  onQueue("/retry/failed", "queue.redrive", (queue) => redriveFailed(queue, redrive));
  onJob("/promote", "job.promote", promote);
  onJob("/retry", "job.redrive", (_queue, id) => unlessRefused(redrive.redrive(null, id)));
  onJob("/clean", "job.cancel", (_queue, id) => unlessRefused(cancellation.cancel(null, id)));

  router.use((req, res) => refuse(res, refusalOf(req.path)));
  return router;
}

async function set(
  settings: Pick<QueueSettings, "set">,
  { definition }: BoardQueue,
  paused: boolean,
  keyId: string,
): Promise<Answer> {
  if (await settings.set(definition.name, paused, keyId)) return done;
  return { status: 409, message: "Noted, but Redis does not answer; it is told as soon as it does." };
}

async function promote({ queue }: BoardQueue, id: string): Promise<Answer> {
  const job = await queue.getJob(id);
  if ((await job?.getState()) !== "delayed")
    return { status: 409, message: "Expected a job that waits for its delay; this one no longer does." };
  await job!.promote();
  return { status: 204 };
}

/** 204, or 409 with the reason why the job's state does not allow it. A store that is away is neither. */
async function unlessRefused(deed: Promise<unknown>): Promise<Answer> {
  try {
    await deed;
    return { status: 204 };
  } catch (error) {
    if (error instanceof StoreUnavailable || !(error instanceof NightshiftError)) throw error;
    return { status: 409, message: error.message };
  }
}

/** Oldest first, a few at a time. `skipped`: beyond the limit, or not dead in the ledger. */
async function redriveFailed({ queue }: BoardQueue, redrive: Redrive): Promise<Answer> {
  const total = await queue.getFailedCount();
  const ids = await queue.getRanges(["failed"], 0, redriveAtMost - 1, true);
  let retried = 0;
  for (let from = 0; from < ids.length; from += redriveAtOnce) {
    const some = ids.slice(from, from + redriveAtOnce).map((id) => unlessRefused(redrive.redrive(null, id)));
    retried += (await Promise.all(some)).filter(({ status }) => status === 204).length;
  }
  return { status: 200, facts: { retried, skipped: Math.max(0, total - retried) } };
}

/** Set by the dashboard once the session is found. */
function visitorOf(res: Response): Visitor {
  return res.locals.visitor;
}

function refuse(res: Response, message: string): void {
  res.status(403).json({ error: { key: "ERRORS.FORBIDDEN" }, message });
}

function notFound(res: Response, what: "queue" | "job"): void {
  const key = what === "queue" ? "ERRORS.QUEUE_NOT_FOUND" : "ERRORS.JOB_NOT_FOUND";
  res.status(404).json({ error: { key } });
}
