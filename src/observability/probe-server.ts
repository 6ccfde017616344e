import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "#core/handler.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";

/**
 * `/healthz`, `/readyz` and `/metrics` of a process that serves nothing else (worker, scheduler). No keys: it is meant
 * for loopback or a private network, and shows numbers only.
 */
export class ProbeServer {
  readonly #server: Server;
  readonly #options: { readonly host: string; readonly port: number; readonly log: Log };

  constructor(options: { host: string; port: number; health: Health; metrics: Metrics; log: Log }) {
    this.#options = options;
    const { health, metrics } = options;
    this.#server = createServer(async (req, res) => {
      const answer = (status: number, type: string, body: string) =>
        res.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
      if (req.method !== "GET" && req.method !== "HEAD") return answer(405, "text/plain", "Expected GET\n");
      if (req.url === "/healthz") return answer(200, "application/json", '{"status":"ok"}\n');
      if (req.url === "/metrics") return answer(200, metrics.contentType, await metrics.text());
      if (req.url !== "/readyz") return answer(404, "text/plain", "Expected /healthz, /readyz or /metrics\n");
      const checks = await health.checks();
      const ok = checks.every((check) => check.ok);
      return answer(
        ok ? 200 : 503,
        "application/json",
        `${JSON.stringify({ status: ok ? "ready" : "not-ready", checks })}\n`,
      );
    });
  }

  /** Rejects when the port is taken. */
  async start(): Promise<void> {
    this.#server.listen(this.#options.port, this.#options.host);
    await once(this.#server, "listening");
    const { port } = this.#server.address() as AddressInfo;
    this.#options.log.info({ url: `http://${this.#options.host}:${port}` }, "probes.listening");
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
