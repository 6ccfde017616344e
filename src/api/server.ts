import { HttpServer, type HttpServerOptions } from "../http-server.ts";
import type { Listener } from "../ledger/listener.ts";
import { type AppOptions, createApp } from "./app.ts";
import { JobWatch } from "./job-watch.ts";

export interface ApiServerOptions extends Omit<AppOptions, "watch">, Pick<HttpServerOptions, "host" | "port"> {
  readonly listener: Pick<Listener, "on" | "onGap">;
}

/**
 * The API as a process's service. What it is given it does not stop. Its stop lets long polls answer with the present view
 * and ends event streams: their readers resume elsewhere by `Last-Event-ID`.
 */
export class ApiServer extends HttpServer {
  readonly watch: JobWatch;

  constructor(options: ApiServerOptions) {
    const watch = new JobWatch(options);
    super({ ...options, name: "api", answer: createApp({ ...options, watch }) });
    this.watch = watch;
  }

  override start(): Promise<void> {
    this.watch.start();
    return super.start();
  }

  override stop(deadlineMs: number): Promise<void> {
    this.watch.stop();
    return super.stop(deadlineMs);
  }
}
