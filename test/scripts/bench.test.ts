import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import type { Report } from "../../scripts/bench/report.ts";

/** The bench starts servers and processes of its own: slow is not broken on a busy machine. */
const ceilingMs = 180_000;

const dir = mkdtempSync(join(tmpdir(), "nightshift-test-bench-"));
chmodSync(dir, 0o755); // Postgres runs as nobody when the tests run as root
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Run the bench with its temporary files under `dir`, so that what it leaves behind is seen. */
function bench(...args: string[]): { child: ChildProcess; ended: Promise<{ code: number | null; stderr: string }> } {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "scripts/bench.ts", ...args], {
    env: { ...env, TMPDIR: dir },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  return { child, ended: once(child, "close").then(([code]) => ({ code: code as number | null, stderr })) };
}

function leftBehind(): string[] {
  return readdirSync(dir).filter((name) => name.startsWith("nightshift-bench-"));
}

test(
  "a rehearsal of one measure writes finite ratios, and its table into a page",
  async () => {
    const out = join(dir, "bench.json");
    const page = join(dir, "bench.md");
    writeFileSync(
      page,
      "# Before\n<!-- bench:begin (written by npm run bench -- --markdown; do not edit) -->\nold\n<!-- bench:end -->\nAfter\n",
    );
    const { ended } = bench("--only", "enqueue", "--jobs", "200", "--rounds", "1", "--out", out, "--markdown", page);
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);

    const report = JSON.parse(readFileSync(out, "utf8")) as Report;
    assert.deepEqual(
      report.sections.map(({ name }) => name),
      ["enqueue"],
    );
    for (const { what, value, ratio } of report.sections[0]!.rows)
      for (const part of [value, ratio!])
        for (const figure of [part.median, part.min, part.max])
          assert.ok(Number.isFinite(figure) && figure > 0, `${what}: ${JSON.stringify(part)}`);
    const text = readFileSync(page, "utf8");
    assert.match(
      text,
      /^# Before\n<!-- bench:begin .*-->\n\n\d{4}-\d\d-\d\d · .*\| durability "redis", 100 in flight .*<!-- bench:end -->\nAfter\n$/s,
    );
    assert.doesNotMatch(text, /\nold\n/);
    assert.deepEqual(leftBehind(), []);
  },
  ceilingMs,
);

test(
  "a rehearsal of the families' measures: the herd computes once, messages are swept among a hundred times as many, the limit is kept",
  async () => {
    const out = join(dir, "families.json");
    const measures = ["report-hit", "report-cold", "sweep", "ai-overhead", "ai-limit"];
    const { ended } = bench(
      ...measures.flatMap((name) => ["--only", name]),
      ...["--jobs", "12", "--rounds", "1", "--out", out],
    );
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);

    const { sections } = JSON.parse(readFileSync(out, "utf8")) as Report;
    assert.deepEqual(
      sections.map(({ name }) => name),
      measures,
    );
    const row = (what: RegExp) => sections.flatMap(({ rows }) => rows).find((one) => what.test(one.what))!;
    assert.equal(row(/how often it is computed/).value.median, 1);
    assert.ok(row(/20 connections, each its own question$/).ratio!.median > 0);
    assert.ok(row(/among 1,200 obligations: until all are in Redis/).value.median > 0);
    assert.ok(row(/an attempt of ai.respond, p50/).ratio!.median > 1); // it holds such a call
    const used = row(/12 requests per 2 s, 2 windows: used/);
    assert.deepEqual(used.target, { of: "value", least: 95 });
    assert.ok(used.value.median > 0 && used.value.median <= 101, `used ${used.value.median} %`); // the clocks are of milliseconds
    assert.deepEqual(leftBehind(), []);
  },
  ceilingMs,
);

test("Ctrl-C in the middle of a sample ends the bench, its processes and its servers", {
  timeout: ceilingMs,
}, async () => {
  const { child, ended } = bench("--only", "drain", "--rounds", "1", "--out", join(dir, "unwritten.json"));
  await new Promise<void>((atWork) => {
    child.stderr!.on("data", (chunk) => {
      if (String(chunk).includes("drain at 50 · plain")) atWork(); // and the next sample begins
    });
  });
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  assert.equal(code, 130, stderr);
  assert.deepEqual(leftBehind(), []); // the directory goes after the servers in it
  assert.deepEqual(
    readdirSync(dir).filter((name) => name === "unwritten.json"),
    [],
  );
});

test.for([
  [["--only", "speed"], /--only: expected enqueue, bulk, .*, event-loop, report-hit, .*; found speed/],
  [["--rounds", "0"], /--rounds: /],
  [["--quick"], /--quick/],
] as const)("%j is refused before anything starts", async ([args, complaint]) => {
  const { code, stderr } = await bench(...args).ended;
  assert.equal(code, 64);
  assert.match(stderr, complaint);
  assert.deepEqual(leftBehind(), []);
});
