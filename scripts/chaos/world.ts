import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import type { Run } from "./work/world.ts";

/** A side effect that happened. */
export interface Effect extends Run {
  readonly kind: "keyed" | "plain";
  /** Which of its job's effects: the name of a step, or nothing. */
  readonly what: string;
  /** Epoch ms. */
  readonly at: number;
}

/**
 * The outside world: a service that handlers call and that no fault of ours touches, so that what it recorded is the truth
 * about what happened. Keyed effects have a unique key (the job), as a mail provider's idempotency keys do; plain ones
 * happen as often as somebody asks. The tables are a file that a failed run leaves behind.
 */
export class World {
  readonly #server: Server;
  readonly #tables: DatabaseSync;

  constructor(file: string) {
    this.#tables = new DatabaseSync(file);
    const columns =
      "what text not null, attempt integer not null, worker text not null, run text not null, at integer not null";
    this.#tables.exec(`
      pragma journal_mode = wal; pragma synchronous = off;
      create table keyed (job_id text primary key, ${columns});
      create table keyed_again (job_id text not null, ${columns});
      create table plain (job_id text not null, ${columns});`);
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  /** Resolves with the URL to call. */
  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Every effect, in the order in which they happened. */
  effects(): readonly Effect[] {
    const select = (kind: string) =>
      `select '${kind}' as kind, job_id as jobId, what, attempt, worker, run, at from ${kind}`;
    return this.#tables
      .prepare(`${select("keyed")} union all ${select("plain")} order by at`)
      .all() as unknown as Effect[];
  }

  /** How often a keyed effect was asked for again: what the key was good for. */
  keyedAgain(): number {
    return (this.#tables.prepare("select count(*) as count from keyed_again").get() as { count: number }).count;
  }

  async stop(): Promise<void> {
    if (this.#server.listening) {
      const closed = once(this.#server, "close");
      this.#server.close();
      this.#server.closeAllConnections();
      await closed;
    }
    if (this.#tables.isOpen) this.#tables.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { jobId, what, attempt, worker, run } = JSON.parse(Buffer.concat(chunks).toString()) as Run & {
        what: string;
      };
      const row = [jobId, what, attempt, worker, run, Date.now()];
      const insert = (table: string) =>
        this.#tables.prepare(`insert or ignore into ${table} values (?, ?, ?, ?, ?, ?)`);
      const keyed = request.url === "/keyed";
      const { changes } = insert(keyed ? "keyed" : "plain").run(...row);
      if (changes === 0) insert("keyed_again").run(...row);
      response.writeHead(204).end();
    } catch {
      response.destroy(); // its caller is gone
    }
  }
}
