import type { Request } from "express";
import type { Authenticate } from "../authenticate.ts";
import type { Operation } from "../operation.ts";
import { Refusal } from "../problem.ts";
import { alive, readiness } from "../shapes.ts";

/** What `/readyz` asks. */
export interface Health {
  checks(): Promise<readonly { readonly name: string; readonly ok: boolean; readonly detail?: string }[]>;
}

/** What `/metrics` shows. */
export interface MetricsPage {
  readonly contentType: string;
  text(): Promise<string>;
}

/** `/healthz` the process lives · `/readyz` 200, or 503 with what is missing · `/metrics` for Prometheus. */
export function healthRoutes(deps: { health: Health; metrics: MetricsPage; authenticate: Authenticate }): Operation[] {
  const { health, metrics, authenticate } = deps;
  const common = { tag: "Health", method: "get", needs: null, problems: ["unauthenticated", "forbidden"] } as const;
  return [
    {
      ...common,
      name: "health.alive",
      path: "/healthz",
      summary: "Does the process live?",
      answers: { 200: { description: "It does.", schema: alive } },
      async handle({ req, res }) {
        if (!isLocal(req)) await authenticate(req, "read");
        res.json({ status: "ok" });
      },
    },
    {
      ...common,
      name: "health.ready",
      path: "/readyz",
      summary: "Can it do its work?",
      description: "Asks the stores. While one is away, send your requests to another process.",
      answers: {
        200: { description: "It can.", schema: readiness },
        503: { description: "It cannot: `checks` says why.", schema: readiness },
      },
      async handle({ req, res }) {
        if (!isLocal(req)) await authenticate(req, "read");
        const checks = await health.checks();
        const ready = checks.every(({ ok }) => ok);
        res.status(ready ? 200 : 503).json({ status: ready ? "ready" : "not-ready", checks });
      },
    },
    {
      ...common,
      name: "health.metrics",
      path: "/metrics",
      summary: "Metrics for Prometheus",
      description: "They count the work of all tenants: a key must be one of `*`.",
      answers: { 200: { description: "Text exposition format.", contentType: "text/plain" } },
      async handle({ req, res }) {
        if (!isLocal(req) && (await authenticate(req, "read")).tenant !== "*")
          throw new Refusal("forbidden", "Expected a key that may act for any tenant: metrics tell about all of them");
        res.type(metrics.contentType).send(await metrics.text());
      },
    },
  ];
}

/** From this machine, and not on behalf of somebody else through a proxy on it. */
function isLocal(req: Request): boolean {
  const { "x-forwarded-for": passedOn, forwarded } = req.headers;
  if (passedOn !== undefined || forwarded !== undefined) return false;
  const address = (req.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  return address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address);
}
