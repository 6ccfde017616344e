import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, test } from "vitest";
import { eventually } from "../rig/eventually.ts";

const launcher = fileURLToPath(new URL("../../bin/node.cjs", import.meta.url));
// An old Node as the launcher sees one: the version is all it asks for.
const pretendOld = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' })";

// Counts its signals and ends a while after the first, as a program that drains does.
const drains = `
  const counts: Record<string, number> = {};
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {
    counts[signal] = (counts[signal] ?? 0) + 1;
    setTimeout(() => { console.log(JSON.stringify(counts)); process.exit(3); }, 400);
  });
  setInterval(() => {}, 1000);
  console.log("up " + process.pid);
`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "nightshift-launcher-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function script(code: string): string {
  const file = join(dir, "script.ts");
  writeFileSync(file, code);
  return file;
}

function launch(args: readonly string[]): ChildProcess & { output: string } {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  const launched = Object.assign(child, { output: "" });
  child.stdout.on("data", (chunk) => {
    launched.output += chunk;
  });
  return launched;
}

const isUp = (child: { output: string }) => eventually(() => assert.match(child.output, /up/));

/** Run to the end under a Node that says it is old. */
function runOld(program: string, ...args: readonly string[]) {
  const preload = join(dir, "old.cjs");
  writeFileSync(preload, pretendOld);
  return spawnSync(process.execPath, ["--require", preload, program, ...args], { encoding: "utf8" });
}

test("under an old Node, TypeScript runs with the Node that npm brought along, which is first on PATH", () => {
  const file = script(`
    import { execFileSync } from "node:child_process";
    const inner: string = execFileSync("node", ["--version"], { encoding: "utf8" }).trim();
    console.log(JSON.stringify([process.version, inner, process.argv.slice(2)]));
  `);
  const { stdout, stderr, status } = runOld(launcher, file, "--flag", "a b");
  assert.equal(stderr, "");
  assert.equal(status, 0);
  const [version, inner, args] = JSON.parse(stdout);
  assert.match(version, /^v24\./);
  assert.equal(inner, version);
  assert.deepEqual(args, ["--flag", "a b"]);
});

test("under an old Node with none brought along, the first line says what was found, what is needed and what to do", () => {
  const alone = join(dir, "node.cjs");
  copyFileSync(launcher, alone);
  const { stderr, status } = runOld(alone, "--version");
  assert.equal(status, 78);
  assert.match(stderr.split("\n")[0]!, /found Node 20\.20\.2, need 22\.18 or newer: install Node 24, or run npm ci/);
});

test("the exit code of the script is that of the launcher", () => {
  assert.equal(spawnSync(process.execPath, [launcher, "--eval", "process.exit(7)"]).status, 7);
});

test("a script that dies of a signal takes the launcher with it by the same signal", () => {
  const { signal } = spawnSync(process.execPath, [launcher, "--eval", "process.kill(process.pid, 'SIGKILL')"]);
  assert.equal(signal, "SIGKILL");
});

test.for(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s to the launcher alone reaches the script once, and its clean end is waited for",
  async (signal) => {
    const child = launch([script(drains)]);
    await isUp(child);
    child.kill(signal);
    assert.deepEqual(await once(child, "exit"), [3, null]);
    assert.match(child.output, new RegExp(`\\{"${signal}":1\\}`));
  },
);

test.for(["SIGINT", "SIGTERM"] as const)(
  "%s to the whole process group, as by Ctrl-C, reaches the script once",
  async (signal) => {
    const child = launch([script(drains)]);
    await isUp(child);
    process.kill(-child.pid!, signal);
    assert.deepEqual(await once(child, "exit"), [3, null]);
    assert.match(child.output, new RegExp(`\\{"${signal}":1\\}`));
  },
);

test.runIf(existsSync("/usr/bin/setpriv"))("a kill -9 of the launcher ends the script too", async () => {
  const child = launch([script(drains)]);
  await isUp(child);
  child.kill("SIGKILL");
  await once(child, "close"); // of the output that the script holds open
  // Once or more: the kernel tells the child whenever the thread that was its parent ends, and the next one is its parent.
  assert.match(child.output, /\{"SIGTERM":\d+\}/);
});
