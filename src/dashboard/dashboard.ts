import { fileURLToPath } from "node:url";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import helmet from "helmet";
import { type Clock, systemClock } from "#core/clock.ts";
import { days } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import { Audit } from "../access/audit.ts";
import type { KeyStore } from "../access/keys.ts";
import { type Database, isConnectionError } from "../ledger/database.ts";
import type { Cancellation } from "../producer/cancellation.ts";
import type { QueueSettings } from "../producer/queue-settings.ts";
import type { Redrive } from "../producer/redrive.ts";
import { actions, type BoardQueue } from "./actions.ts";
import { createBoard } from "./board.ts";
import { comeAgainPage, errorPage, signOutPage } from "./page.ts";
import type { DashboardRole, Visitor } from "./roles.ts";
import { requireSameOrigin } from "./same-origin.ts";
import { Sessions } from "./session.ts";
import { SessionCookie } from "./session-cookie.ts";
import { signIn } from "./sign-in.ts";

export interface DashboardOptions {
  /** Every Redis queue. */
  readonly queues: readonly BoardQueue[];
  readonly cancellation: Cancellation;
  readonly redrive: Redrive;
  readonly settings: Pick<QueueSettings, "set">;
  readonly keys: Pick<KeyStore, "verify">;
  /** The one that `keys` was made with: sessions of the bootstrap key end when it changes. */
  readonly bootstrapKey: string | undefined;
  readonly database: Database;
  readonly log: Log;
  readonly clock?: Clock;
  /** A page about one job elsewhere; linked from each job of the board. */
  readonly externalJobUrl?: (jobId: string) => string;
  /** Where browsers reach the dashboard, e.g. `https://jobs.example.org`, when a proxy changes the Host header. */
  readonly publicUrl?: string;
  /** Express's `trust proxy`: whose `X-Forwarded-*` are believed. Default: proxies on this machine. */
  readonly trustProxy?: string | number | boolean;
}

const home = "/board";
const assets = fileURLToPath(new URL("./assets", import.meta.url));

/**
 * The dashboard behind its door. In order: headers, the origin of changes, the door itself, the session, and only then
 * the actions and the board of the visitor's role.
 */
export function createDashboard(options: DashboardOptions): Express {
  const {
    queues,
    cancellation,
    redrive,
    settings,
    database,
    log,
    publicUrl,
    externalJobUrl,
    clock = systemClock,
  } = options;
  const publicOrigin = publicUrl === undefined ? undefined : new URL(publicUrl).origin;
  const cookie = new SessionCookie(publicOrigin?.startsWith("https:") ?? false);
  const sessions = new Sessions(database, options.bootstrapKey);
  const audit = new Audit(database);

  const app = express();
  app.set("trust proxy", options.trustProxy ?? "loopback");
  app.set("query parser", "simple");
  app.use(headers());
  app.get("/healthz", (_req, res) => {
    res.json({ ok: true });
  });
  app.use("/assets", express.static(assets, { maxAge: days(1), index: false }));
  app.use(keepNothing, requireSameOrigin(publicOrigin));
  app.use(signIn({ ...options, sessions, cookie, audit, clock, home }));
  app.use(requireSession(sessions, cookie));

  app.get("/", (_req, res) => res.redirect(303, home));
  app.get("/sign-out", (_req, res) => {
    res.send(signOutPage({ ...(res.locals.visitor as Visitor), board: home }));
  });
  app.post("/sign-out", async (req, res) => {
    const { keyId } = res.locals.visitor as Visitor;
    await sessions.end(cookie.read(req));
    await audit.record({ actor: keyId, action: "session.end", subject: "session" });
    cookie.clear(req, res);
    res.redirect(303, "/sign-in");
  });

  const board = (role: DashboardRole) => createBoard(role, { queues, basePath: home, externalJobUrl });
  const boards = { viewer: board("viewer"), operator: board("operator"), admin: board("admin") };
  app.use(`${home}/api`, actions({ queues, cancellation, redrive, settings, audit, log }));
  app.use(home, (req, res, next) => boards[(res.locals.visitor as Visitor).role](req, res, next));

  app.use((_req, res) => {
    res.status(404).send(errorPage("Not here", "There is no such page on the dashboard."));
  });
  app.use(lastResort(log));
  return app;
}

/** Helmet's defaults, but nothing from outside at all, and no silent change to HTTPS: inside a network it may be plain. */
function headers(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      directives: {
        "default-src": ["'self'"],
        "font-src": ["'self'", "data:"],
        "style-src": ["'self'", "'unsafe-inline'"], // the board's own page has inline styles
        "frame-ancestors": ["'none'"],
        "upgrade-insecure-requests": null,
      },
    },
  });
}

/** What is behind the door stays out of caches; the board's files have their hash in their names. */
const keepNothing: RequestHandler = (req, res, next) => {
  if (!req.path.startsWith(`${home}/static/`)) res.set("Cache-Control", "no-store");
  next();
};

/** Find who is signed in, or send them to the door: pages by redirect, the board's own calls by 401. */
function requireSession(sessions: Sessions, cookie: SessionCookie): RequestHandler {
  return async (req, res, next) => {
    const token = cookie.read(req);
    const visitor = await sessions.find(token);
    if (visitor) {
      res.locals.visitor = visitor;
      return next();
    }
    if (token !== undefined) cookie.clear(req, res);
    if (req.path.startsWith(`${home}/api/`))
      return res.status(401).json({ error: "Signed out", message: "Your session has ended. Load the page again." });
    if (req.method === "GET" && token === undefined && req.get("Sec-Fetch-Site") === "cross-site")
      return res.send(comeAgainPage());
    res.redirect(303, `/sign-in?next=${encodeURIComponent(req.originalUrl)}`);
  };
}

function lastResort(log: Log): ErrorRequestHandler {
  return (error, req, res, next) => {
    if (res.headersSent) return next(error);
    const away = isConnectionError(error) || (error as { code?: unknown }).code === "store_unavailable";
    const given = (error as { status?: unknown }).status;
    const status = away ? 503 : typeof given === "number" && given >= 400 && given < 500 ? given : 500;
    if (status >= 500) log.error({ err: error, path: req.path }, "dashboard.failed");
    const message = away ? "The database does not answer. Try again in a moment." : "This did not work.";
    if (req.path.startsWith(`${home}/api/`)) res.status(status).json({ error: "Not done", message });
    else res.status(status).send(errorPage("Something is wrong", message));
  };
}
