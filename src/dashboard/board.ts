import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import type { AppViewRoute, UIConfig } from "@bull-board/api/typings/app";
import { ExpressAdapter } from "@bull-board/express";
import type { Express, RequestHandler } from "express";
import type { QueueDefinition } from "#core/queue.ts";
import type { RedisJobData } from "../engines/redis-job.ts";
import type { BoardQueue } from "./actions.ts";
import type { DashboardRole } from "./roles.ts";

export interface BoardOptions {
  readonly queues: readonly BoardQueue[];
  /** Where the board is mounted, e.g. `/board`. */
  readonly basePath: string;
  /** A page about one job elsewhere, e.g. its address in the API; linked from each job. */
  readonly externalJobUrl?: ((jobId: string) => string) | undefined;
}

/**
 * Bull Board for one role. It only ever reads: changes are taken by `actions.ts` in front of it, and its own changing
 * handlers refuse. Viewers get it without buttons; details of the Redis server are for admins.
 */
export function createBoard(role: DashboardRole, options: BoardOptions): RequestHandler {
  const server = new OfflineAdapter();
  server.setBasePath(options.basePath);
  createBullBoard({
    serverAdapter: server,
    queues: options.queues.map((queue) => toAdapter(role, queue, options)),
    options: {
      handlerHooks: { before: ({ method }) => ({ allow: method === "get" }) },
      uiConfig: uiConfig(role),
    },
  });
  return server.getRouter();
}

function toAdapter(role: DashboardRole, board: BoardQueue, { externalJobUrl }: BoardOptions): BullMQAdapter {
  const { definition, queue, title, description } = board;
  const adapter = new BullMQAdapter(queue, {
    readOnlyMode: role === "viewer",
    displayName: title ?? inWords(definition.name),
    description: description ?? describe(definition),
    ...(externalJobUrl && {
      externalJobUrl: ({ id }) => ({ displayText: "In the ledger", href: externalJobUrl(String(id)) }),
    }),
  });
  // A completed job has its result; running it again would be answered with that result and nothing else.
  Object.assign(adapter, { allowCompletedRetries: false });
  adapter.setFormatter("data", withoutPayload);
  return adapter;
}

function uiConfig(role: DashboardRole): UIConfig {
  return {
    boardTitle: "Nightshift",
    boardLogo: { path: "/assets/moon.svg", width: 24, height: 24 },
    favIcon: { default: "/assets/moon.svg", alternative: "/assets/moon.svg" },
    hideDocsLink: true,
    hideRedisDetails: role !== "admin",
    miscLinks: [{ text: "Sign out", url: "/sign-out" }],
  };
}

/** Bull Board's page asks Google for its fonts; ours asks nobody. The system's fonts are named as the next choice. */
class OfflineAdapter extends ExpressAdapter {
  override setEntryRoute({ route, handler }: AppViewRoute): this {
    const app: Express = this.app;
    app.get(route, (_req, res, next) => {
      const { name, params } = handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      res.render(name, params, (error, html: string) => {
        if (error) next(error);
        else res.send(html.replaceAll(/<link [^>]*href="https?:[^>]*>/g, ""));
      });
    });
    return this;
  }
}

/** `ai-calls` → `Ai calls`. */
function inWords(name: string): string {
  const words = name.replaceAll(/[.-]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function describe({ concurrency, runsIn, durability, rateLimit }: QueueDefinition): string {
  const slots = `${concurrency} slot${concurrency === 1 ? "" : "s"} per worker${runsIn === "thread" ? ", in threads" : ""}`;
  const pace = rateLimit ? `, at most ${rateLimit.jobs} starts per ${rateLimit.perMs} ms` : "";
  const record = durability === "ledger" ? "recorded in Postgres" : "recorded in Redis only";
  return `${slots}${pace}; ${record}.`;
}

/** What a payload says is between the application and its handler. */
function withoutPayload(data: RedisJobData): object {
  return data.payload === undefined ? data : { ...data, payload: "(not shown)" };
}
