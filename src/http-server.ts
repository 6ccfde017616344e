import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";

/** Longer than the idle time of the usual load balancers (60 s): they must be the ones to close, or they meet a reset. */
const keepAliveMs = seconds(65);
/** A request must have arrived whole within this; answers may take as long as they need. */
const requestMs = seconds(60);

export interface HttpServerOptions {
  /** Begins its log events: `api.listening`, `api.stopped`. */
  readonly name: string;
  readonly answer: RequestListener;
  readonly host: string;
  /** 0: a free one; `url` says which. */
  readonly port: number;
  readonly log: Log;
}

/** Something that listens for HTTP, as a process's service: begins when it can be reached, and leaves politely. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  #stopping: Promise<void> | null = null;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: requestMs }, options.answer);
  }

  /** Where it listens, for people and tests. Throws before `start`. */
  get url(): string {
    const address = this.#server.address() as AddressInfo | null;
    if (!address) throw new Error("Expected a started server, found one that does not listen: call start() first");
    const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  /** Rejects with the system's error when the port is taken. */
  async start(): Promise<void> {
    const { name, host, port, log } = this.#options;
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    log.info({ url: this.url }, `${name}.listening`);
  }

  /**
   * Take no new connection, answer what is being asked, and leave. What is not answered by the deadline is cut. Safe to
   * call twice, and before `start`.
   */
  stop(deadlineMs: number): Promise<void> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  async #stop(deadlineMs: number): Promise<void> {
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
    this.#options.log.info({}, `${this.#options.name}.stopped`);
  }
}
