import type { RequestListener } from "node:http";
import { HttpServer, type HttpServerOptions } from "../http-server.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

/**
 * `/healthz`, `/readyz` and `/metrics` of a process that serves nothing else (worker, scheduler). No keys: it is meant
 * for loopback or a private network, and shows numbers only.
 */
export class ProbeServer extends HttpServer {
  constructor(options: Pick<HttpServerOptions, "host" | "port" | "log"> & { health: Health; metrics: Metrics }) {
    super({ ...options, name: "probes", answer: answer(options) });
  }
}

function answer({ health, metrics }: { health: Health; metrics: Metrics }): RequestListener {
  return async (req, res) => {
    const send = (status: number, type: string, body: string) =>
      res.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
    if (req.method !== "GET" && req.method !== "HEAD") return send(405, "text/plain", "Expected GET\n");
    if (req.url === "/healthz") return send(200, "application/json", '{"status":"ok"}\n');
    if (req.url === "/metrics") return send(200, metrics.contentType, await metrics.text());
    if (req.url !== "/readyz") return send(404, "text/plain", "Expected /healthz, /readyz or /metrics\n");
    const checks = await health.checks();
    const ok = checks.every((check) => check.ok);
    const body = JSON.stringify({ status: ok ? "ready" : "not-ready", checks });
    return send(ok ? 200 : 503, "application/json", `${body}\n`);
  };
}
