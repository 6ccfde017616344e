import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** A real SMTP server on loopback that counts what it took. */
export interface CountingSmtp extends AsyncDisposable {
  readonly url: string;
  /** Messages that were taken, by Message-ID, with how often. */
  readonly taken: Map<string, number>;
  readonly texts: string[];
  /** Resolves when so many have been taken. */
  reached(count: number): Promise<void>;
}

/** What a test has the server do with a message, before it answers: nothing, a refusal, or a silence. */
type Answer = (text: string) => Promise<{ code: number; message: string } | "hang-up" | undefined>;

export async function startSmtp(
  answer: Answer = async () => undefined,
  options: SMTPServerOptions = {},
): Promise<CountingSmtp> {
  const taken = new Map<string, number>();
  const texts: string[] = [];
  const waiting = new Set<() => void>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    closeTimeout: 100,
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", async () => {
        const text = Buffer.concat(chunks).toString("utf8");
        const said = await answer(text);
        if (typeof said === "object")
          return callback(Object.assign(new Error(said.message), { responseCode: said.code }));
        const id = /^Message-ID: (.*)$/im.exec(text)![1]!.trim();
        taken.set(id, (taken.get(id) ?? 0) + 1);
        texts.push(text);
        for (const look of waiting) look();
        if (said === "hang-up") {
          for (const connection of server.connections) if (connection.session.id === session.id) connection.close();
          return;
        }
        callback();
      });
    },
    ...options,
  });
  server.on("error", () => undefined); // a client that was killed
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    taken,
    texts,
    reached: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (taken.size < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}
