import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Log } from "#core/handler.ts";
import { createDashboard, type DashboardOptions } from "./dashboard.ts";

/** The dashboard as a service of a process. */
export class DashboardServer {
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #log: Log;
  #stopping: Promise<void> | null = null;

  /** Port 0 takes any free one; `url` then tells which. */
  constructor(options: DashboardOptions & { readonly host: string; readonly port: number }) {
    this.#host = options.host;
    this.#port = options.port;
    this.#log = options.log;
    this.#server = createServer(createDashboard(options));
  }

  /** Where it listens, once started. */
  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  }

  /** Rejects with the system's error when the port is taken. */
  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(this.#port, this.#host, resolve);
    await promise;
    this.#server.off("error", reject);
    this.#log.info({ url: this.url }, "dashboard.started");
  }

  /** Take no new requests, finish those in hand, and cut what lasts beyond the deadline. Safe to call twice, and before `start`. */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#close(deadlineMs);
    return this.#stopping;
  }

  async #close(deadlineMs: number): Promise<void> {
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = setTimeout(() => this.#server.closeAllConnections(), deadlineMs);
    this.#server.close(() => resolve());
    await promise;
    clearTimeout(deadline);
  }
}
