import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, onTestFinished, test } from "vitest";
import { eventually } from "../rig/eventually.ts";

const launcher = fileURLToPath(new URL("../../bin/node.cjs", import.meta.url));
const script = fileURLToPath(new URL("../../scripts/demo.ts", import.meta.url));

interface Demo {
  readonly dataDir: string;
  /** What it has printed so far. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>;
}

/** The demo as a user starts it, over a data directory of its own, with servers of its own. */
function startDemo(dataDir = mkdtempSync(join(tmpdir(), "nightshift-demo-"))): Demo {
  const env = { ...process.env, NIGHTSHIFT_DATA_DIR: dataDir, NODE_OPTIONS: "", FORCE_COLOR: undefined };
  for (const name of ["DATABASE_URL", "REDIS_URL", "NIGHTSHIFT_API_KEY", "BLOB_URL"]) Reflect.deleteProperty(env, name);
  Reflect.deleteProperty(env, "FORCE_COLOR");
  // A process group of its own, so that a signal can reach the launcher and the script as Ctrl-C does.
  const child = spawn(process.execPath, [launcher, script], { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const ended = once(child, "close").then(([code]) => code as number | null);
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGTERM");
    await ended;
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  }, 60_000);
  return { dataDir, output: () => output, signal: (name) => process.kill(-child.pid!, name), ended };
}

/** Living processes that were started for this data directory: their environment or their arguments name it. */
function processesOf(dataDir: string): readonly string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      if ((readFileSync(`/proc/${pid}/environ`, "utf8") + command).includes(dataDir)) found.push(`${pid} ${command}`);
    } catch {
      // gone meanwhile
    }
  }
  return found;
}

const said = (demo: Demo, what: RegExp) => eventually(() => assert.match(demo.output(), what));
/** The last ones (the launcher's canary, a guard on its way down) end a moment after the command. */
const quiet = (dataDir: string) => eventually(() => assert.deepEqual(processesOf(dataDir), []));

describe.skipIf(process.platform !== "linux")("npm run demo", () => {
  test("four families work for five tenants while a worker is killed, and nothing is left", async () => {
    const demo = startDemo();
    assert.equal(await demo.ended, 0, demo.output());

    const output = demo.output();
    assert.match(
      output,
      /refused +Tax invoice, mistyped GSTIN: 422 invalid_input\n +payload\.userInputs\.recipient\.gstin/,
    );
    assert.match(output, /kill -9 worker-[12] \(pid \d+\) after \d+ certificates, with \d+ documents? in its hands/);
    assert.match(output, /52 of 52 documents exist exactly once/);
    assert.match(output, /\d jobs? went lost → completed/);
    const [, announced = "", written] = /(\d+) messages announced, (\d+) \.eml files/.exec(output) ?? [];
    assert.ok(Number(announced) > 80, output);
    assert.equal(written, announced);
    assert.match(output, /reports\.plan computed 2 popular results anew/);
    assert.match(output, /When is GSTR-9 due\? +simple +\$0\.000000 +degraded/);
    const [, billed, recorded] = /bill: (.+); on record here: (.+); charged twice: 0/.exec(output) ?? [];
    assert.equal(recorded, billed?.replace("calls", "answered calls"));
    const [, accepted, completed] =
      /(\d+) accepted = (\d+) completed \+ 0 dead \+ 0 cancelled \+ 0 expired \+ 0 open/.exec(output) ?? [];
    assert.ok(Number(accepted) > 60 + Number(announced) && completed === accepted, output);
    assert.match(output, /Passed in [\d.]+ s/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
    assert.doesNotMatch(output, /[\x00-\x09\x0b-\x1f\x7f]/, "no control characters without a terminal");

    const folder = join(demo.dataDir, "demo");
    const files = readdirSync(folder).filter((name) => name.endsWith(".pdf"));
    assert.equal(files.length, 52);
    assert.ok(files.includes("tax-invoice-INV-2026-27-0042.pdf") && files.includes("certificate-NWL-2026-000050.pdf"));
    for (const file of files) assert.equal(readFileSync(join(folder, file)).subarray(0, 5).toString(), "%PDF-");
    const [run = ""] = readdirSync(join(folder, "mail"));
    assert.equal(readdirSync(join(folder, "mail", run)).length, Number(announced));
    assert.deepEqual(
      readdirSync(join(folder, "reports"))
        .map((name) => name.replace(/.*\./, ""))
        .sort(),
      ["csv", "pdf"],
    );
    await quiet(demo.dataDir);
  }, 120_000);

  test("Ctrl-C in the middle of the batch stops everything", async () => {
    const demo = startDemo();
    await said(demo, /Working/);
    demo.signal("SIGINT");
    assert.equal(await demo.ended, 130, demo.output());
    assert.match(demo.output(), /Stopped; nothing is left running/);
    await quiet(demo.dataDir);
  }, 120_000);

  test("Ctrl-C while the servers start stops everything", async () => {
    const demo = startDemo();
    await said(demo, /Nightshift demo/);
    demo.signal("SIGINT");
    assert.equal(await demo.ended, 130, demo.output());
    await quiet(demo.dataDir);
  }, 60_000);
});
