import { HttpServer, type HttpServerOptions } from "../http-server.ts";
import type { Listener } from "../ledger/listener.ts";
import { type AppOptions, createApp } from "./app.ts";
import { DraftWatch } from "./draft-watch.ts";
import { JobWatch } from "./job-watch.ts";

export interface ApiServerOptions
  extends Omit<AppOptions, "watch" | "draftWatch">,
    Pick<HttpServerOptions, "host" | "port"> {
  readonly listener: Pick<Listener, "on" | "onGap">;
}

/**
 * The API as a process's service. What it is given it does not stop. Its stop lets long polls answer with the present view
 * and ends event streams: their readers resume elsewhere by `Last-Event-ID`.
 */
export class ApiServer extends HttpServer {
  readonly watch: JobWatch;
  readonly #draftWatch: DraftWatch;

  constructor(options: ApiServerOptions) {
    const watch = new JobWatch(options);
    const draftWatch = new DraftWatch({ drafts: options.ai.drafts, listener: options.listener });
    super({ ...options, name: "api", answer: createApp({ ...options, watch, draftWatch }) });
    this.watch = watch;
    this.#draftWatch = draftWatch;
  }

  override start(): Promise<void> {
    this.watch.start();
    this.#draftWatch.start();
    return super.start();
  }

  override stop(deadlineMs: number): Promise<void> {
    this.watch.stop();
    this.#draftWatch.stop();
    return super.stop(deadlineMs);
  }
}
