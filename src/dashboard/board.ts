import { join } from "node:path";
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import type { AppViewRoute, UIConfig } from "@bull-board/api/typings/app";
import { ExpressAdapter } from "@bull-board/express";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { QueueDefinition } from "#core/queue.ts";
import type { RedisJobData } from "../engines/redis-job.ts";
import type { BoardQueue } from "./actions.ts";
import type { DashboardRole } from "./roles.ts";
import { readWording } from "./wording.ts";

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
  const server = new OurAdapter();
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
      externalJobUrl: ({ id }) => ({ displayText: "History", href: externalJobUrl(String(id)) }),
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

/**
 * Serves Bull Board's files. Its page asks Google for fonts: ours asks nobody (the system's are named as the next choice),
 * and takes a style sheet of our own instead. Its English texts get our words.
 */
class OurAdapter extends ExpressAdapter {
  constructor() {
    super();
    this.app.disable("x-powered-by");
  }

  override setStaticPath(route: string, directory: string): this {
    const language = join(directory, "locales", "en-US", "messages.json");
    this.app.get(
      [`${route}/locales/en-US/messages.json`, `${route}/locales/en-GB/messages.json`],
      async (_req, res) => {
        res.json(await readWording(language));
      },
    );
    super.setStaticPath(route, directory);
    return this;
  }

  override setEntryRoute({ route, handler }: AppViewRoute): this {
    this.app.get(route, (_req: Request, res: Response, next: NextFunction) => {
      const { name, params } = handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      res.render(name, params, (error, html: string) => {
        if (error) return next(error);
        const within = html.replaceAll(/<link [^>]*href="https?:[^>]*>/g, "");
        res.send(within.replace("</head>", '<link href="/assets/board.css" rel="stylesheet"></head>'));
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
