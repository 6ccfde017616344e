import { parseArgs } from "node:util";
import { FakeProvider } from "./fake-provider/server.ts";

/**
 * npm run fake-provider -- --port 4010: an OpenAI-compatible server for tests of your own. Base URLs say what happens:
 * `http://127.0.0.1:4010/ok/v1`, `/slow:2000/v1`, `/429:5/v1`, `/503/v1`, `/reset/v1` (docs/ai.md has them all).
 * `GET /bill` shows what was charged. Stops at SIGINT and SIGTERM.
 */
const { values } = parseArgs({ options: { port: { type: "string", default: "4010" } } });
const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  process.stderr.write(`Expected --port from 0 to 65535, found "${values.port}"\n`);
  process.exit(64);
}
const provider = new FakeProvider({
  onCall: ({ mount, callId, request }) => {
    const { dialect, model, inputTokens, stream } = request;
    process.stdout.write(`${JSON.stringify({ mount, callId, dialect, model, inputTokens, stream })}\n`);
  },
});
await provider.start(port);
process.stdout.write(`${JSON.stringify({ listening: provider.url() })}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    provider.stop().then(() => process.exit(0));
  });
