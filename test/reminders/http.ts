import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Heard {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** A real HTTP server on loopback that keeps what it heard, and answers as it is told. */
export interface Listening extends AsyncDisposable {
  readonly url: string;
  readonly heard: Heard[];
}

type Reply = { status: number; headers?: Record<string, string> } | "hang-up";

export async function listen(reply: (heard: Heard, count: number) => Reply | Promise<Reply>): Promise<Listening> {
  const heard: Heard[] = [];
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const one = { path: req.url ?? "", body: JSON.parse(Buffer.concat(chunks).toString("utf8")) };
    heard.push(one);
    const said = await reply(one, heard.length);
    if (said === "hang-up") return void req.socket.destroy();
    res.writeHead(said.status, said.headers).end("ok");
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
