import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { redact } from "../../src/observability/redact.ts";

const script = fileURLToPath(new URL("./log-child.ts", import.meta.url));

/** What a process said before it ended, read from a pipe as a log collector does. */
async function told(ending: string, lines: number) {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, ending, String(lines)], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  const numbers = output
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { number: number }).number);
  return { numbers, end: signal ?? code };
}

const counted = (lines: number) => Array.from({ length: lines }, (_, number) => number);

// 5,000 lines are 600 kB: ten times what a pipe holds, so that writing has to wait for the reader as well.
test.each([
  ["exit", 5_000, 3],
  ["throw", 5_000, 1],
  ["end", 5_000, 0],
  ["exit", 3, 3],
  ["throw", 3, 1],
  ["end", 3, 0],
  ["killed", 3, "SIGKILL"],
])("a process that ends by %s after %i lines has said all of them, once and in order", async (ending, lines, end) => {
  assert.deepEqual(await told(ending, lines), { numbers: counted(lines), end });
});

test("what is said while a process stops at SIGTERM is the end of its log", async () => {
  assert.deepEqual(await told("signal", 3), { numbers: [...counted(3), -1], end: 0 });
});

test("secrets are cut from a line's fields and from objects one level below; the fields themselves stay as they were", () => {
  const fields = { jobId: "1", key: "ns_secret", request: { authorization: "Bearer x", method: "GET" }, list: [{}] };
  assert.deepEqual(redact(fields), {
    jobId: "1",
    key: "[Redacted]",
    request: { authorization: "[Redacted]", method: "GET" },
    list: [{}],
  });
  assert.equal(fields.key, "ns_secret");
  assert.equal(fields.request.authorization, "Bearer x");
  const plain = { jobId: "1", error: { code: "x" } };
  assert.equal(redact(plain), plain, "nothing to cut: no copy");
});
