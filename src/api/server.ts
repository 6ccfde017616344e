import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { seconds } from "#core/duration.ts";
import type { Listener } from "../ledger/listener.ts";
import { type AppOptions, createApp } from "./app.ts";
import { JobWatch } from "./job-watch.ts";

/** Longer than the idle time of the usual load balancers (60 s): they must be the ones to close, or they meet a reset. */
const keepAliveMs = seconds(65);
/** A request must have arrived whole within this; answers may take as long as they need. */
const requestMs = seconds(60);

export interface ApiServerOptions extends Omit<AppOptions, "watch"> {
  readonly listener: Pick<Listener, "on" | "onGap">;
  readonly host: string;
  /** 0: a free one; `url` says which. */
  readonly port: number;
}

/** The API as a process's service: listens, and leaves politely. What it is given it does not stop. */
export class ApiServer {
  readonly watch: JobWatch;
  readonly #options: ApiServerOptions;
  readonly #server: Server;
  #stopping: Promise<void> | null = null;

  constructor(options: ApiServerOptions) {
    this.watch = new JobWatch(options);
    this.#options = options;
    this.#server = createServer(
      { keepAliveTimeout: keepAliveMs, requestTimeout: requestMs },
      createApp({ ...options, watch: this.watch }),
    );
  }

  /** Rejects when the port is taken. */
  async start(): Promise<void> {
    this.watch.start();
    this.#server.listen(this.#options.port, this.#options.host);
    await once(this.#server, "listening");
    this.#options.log.info({ url: this.url }, "api.listening");
  }

  /** Where it listens, for people and tests. Throws before `start`. */
  get url(): string {
    const address = this.#server.address() as AddressInfo | null;
    if (!address) throw new Error("Expected a started server, found one that does not listen: call start() first");
    const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  /**
   * Take no new connection, answer what is being asked, and leave: long polls get the present view, event streams end
   * (their readers resume elsewhere by `Last-Event-ID`). What is not answered by the deadline is cut. Safe to repeat.
   */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.watch.stop();
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    // Connections that go idle after an answer would otherwise stay for the whole keep-alive time.
    const sweep = setInterval(() => this.#server.closeIdleConnections(), 25);
    const deadline = setTimeout(() => this.#server.closeAllConnections(), deadlineMs);
    try {
      await closed;
    } finally {
      clearInterval(sweep);
      clearTimeout(deadline);
    }
    this.#options.log.info({}, "api.stopped");
  }
}
