import { Inbox, type RemoteLine, type Wire } from "./remote.ts";

/** The other end of `remote`: imports the module, calls the function, sends what it returned, and is gone. */
const [module, name] = process.argv.slice(2) as [string, string];
const inbox = new Inbox();
const send = (line: RemoteLine) => new Promise<void>((sent) => process.send!(line, () => sent()));
const wire: Wire = {
  say: (value) => void send({ kind: "said", value }),
  heard: <T>() => inbox.take() as Promise<T>,
};

process.on("disconnect", () => process.exit(1)); // the bench is gone
process.on("message", (line: RemoteLine) => {
  if (line.kind === "said") inbox.put(line.value);
  else if (line.kind === "call") void call(line.args);
});

async function call(args: unknown): Promise<void> {
  try {
    const exports = (await import(module)) as Record<string, (args: unknown, wire: Wire) => Promise<unknown>>;
    await send({ kind: "returned", value: await exports[name]!(args, wire) });
    process.exit(0);
  } catch (error) {
    await send({ kind: "threw", error: (error as Error).stack ?? String(error) });
    process.exit(1);
  }
}
