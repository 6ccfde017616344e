import { once } from "node:events";
import { connect, type Socket } from "node:net";

const endOfHead = Buffer.from("\r\n\r\n");

/**
 * One connection that asks the same thing again and again, one request at a time. Less than an HTTP client on purpose: on two
 * cores what the asker takes is taken from the server that is measured.
 */
export class KeepAlive {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #gathered: Buffer = Buffer.alloc(0);
  #waiting: { resolve: (bodyBytes: number) => void; reject: (error: Error) => void } | null = null;
  #lost: Error | null = null;

  private constructor(socket: Socket, request: Buffer) {
    this.#socket = socket;
    this.#request = request;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (error) => this.#lose(error));
    socket.on("close", () => this.#lose(new Error("Expected the connection to stay, the server closed it")));
  }

  /** Resolves when the connection is there; nothing is asked yet. */
  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<KeepAlive> {
    const { hostname, port, host, pathname, search } = new URL(url);
    const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    return new KeepAlive(socket, Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n`));
  }

  /** Answers the size of the body. Rejects when the status is not 200. */
  ask(): Promise<number> {
    if (this.#lost) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(this.#request);
    });
  }

  close(): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#gathered = this.#gathered.length === 0 ? chunk : Buffer.concat([this.#gathered, chunk]);
    const headBytes = this.#gathered.indexOf(endOfHead) + endOfHead.length;
    if (headBytes < endOfHead.length) return;
    const head = this.#gathered.toString("latin1", 0, headBytes);
    const bodyBytes = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1] ?? Number.NaN);
    if (!head.startsWith("HTTP/1.1 200 ") || Number.isNaN(bodyBytes))
      return void this.#lose(
        new Error(`Expected 200 and a Content-Length, found ${JSON.stringify(head.slice(0, 200))}`),
      );
    if (this.#gathered.length < headBytes + bodyBytes) return;
    this.#gathered = this.#gathered.subarray(headBytes + bodyBytes);
    this.#waiting?.resolve(bodyBytes);
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#waiting?.reject(error);
  }
}
