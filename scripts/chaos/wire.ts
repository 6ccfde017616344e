import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Manner } from "./plan.ts";

/**
 * A way from one process to one server that can be cut and mended. Cut by `reset`, connections break and new ones are
 * refused at once; by `silence`, everything stays open and nothing arrives, until the mend brings it late: what a network
 * does that drops packets for a while.
 */
export class Wire {
  readonly #target: URL;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Connections that came in during a silence and were never answered. */
  readonly #unanswered = new Set<Socket>();
  #cut: Manner | null = null;

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true }, (near) => this.#accept(near));
  }

  static async start(to: string): Promise<Wire> {
    const wire = new Wire(new URL(to));
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
  }

  /** The server's URL with our address in it. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = "127.0.0.1";
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  cut(manner: Manner): void {
    this.#cut = manner;
    for (const pair of this.#pairs)
      for (const socket of pair) {
        if (manner === "reset") socket.resetAndDestroy();
        else socket.unpipe().pause();
      }
  }

  mend(): void {
    this.#cut = null;
    for (const pair of this.#pairs) join(pair);
    for (const near of this.#unanswered) this.#connect(near);
    this.#unanswered.clear();
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of [...this.#unanswered, ...[...this.#pairs].flat()]) socket.destroy();
  }

  #accept(near: Socket): void {
    near.on("error", () => undefined); // "close" follows
    if (this.#cut === "reset") near.resetAndDestroy();
    else if (this.#cut === null) this.#connect(near);
    else {
      this.#unanswered.add(near);
      near.once("close", () => this.#unanswered.delete(near));
    }
  }

  #connect(near: Socket): void {
    const far = connect(Number(this.#target.port), this.#target.hostname);
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    far.on("error", () => undefined);
    for (const socket of pair)
      socket.once("close", () => {
        this.#pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    if (this.#cut === null) join(pair);
  }
}

function join([near, far]: readonly [Socket, Socket]): void {
  near.pipe(far);
  far.pipe(near);
}
