import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { fetchDebianPackages, PackagesUnavailable } from "../../src/embedded/debian.ts";
import { findOnPath } from "../../src/embedded/program.ts";
import { tool } from "../rig/tools.ts";

let cacheDir: string;
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "nightshift-packages-"));
});
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

const works = async () => true;
const leftovers = () => readdirSync(cacheDir, { recursive: true }).filter((file) => String(file).includes(".part"));

describe.runIf(findOnPath("apt-get", process.env))("Debian packages", () => {
  test("a package is taken once, runs from the cache, and leaves nothing else there", async () => {
    const env = { ...process.env };
    const take = () => fetchDebianPackages({ packages: ["redis-server", "redis-tools"], cacheDir, env, works });
    const tree = await take();
    const version = execFileSync(join(tree.root, "usr/bin/redis-server"), ["--version"], {
      env: tree.env,
      encoding: "utf8",
    });
    assert.match(version, /Redis server v=/);
    assert.deepEqual(leftovers(), []);

    env.NIGHTSHIFT_NO_DOWNLOAD = "1"; // the cache is still good
    assert.equal((await take()).root, tree.root);
  });

  test("what does not run is taken anew, and refused when that does not help", async () => {
    const options = { packages: ["liblzf1"], cacheDir, env: process.env };
    await fetchDebianPackages({ ...options, works });
    let tries = 0;
    const never = async () => ++tries < 0;
    await assert.rejects(fetchDebianPackages({ ...options, works: never }), /does not run on this system/);
    assert.equal(tries, 2); // what was kept, then what was taken
    assert.deepEqual(leftovers(), []);
  });

  test("a package that does not exist is refused with apt's own words", async () => {
    const taking = fetchDebianPackages({ packages: ["no-such-package-here"], cacheDir, env: process.env, works });
    await assert.rejects(taking, (error: PackagesUnavailable) => {
      assert.equal(error.code, "debian_packages_unavailable");
      assert.match(error.message, /Unable to locate package/);
      return true;
    });
    assert.deepEqual(leftovers(), []);
  });

  test("a download can be given up, by its user and by its time", async () => {
    const options = { packages: ["redis-tools"], cacheDir, env: process.env, works };
    const user = new AbortController();
    const taking = fetchDebianPackages({ ...options, signal: user.signal });
    user.abort();
    await assert.rejects(taking, { name: "AbortError" });
    await assert.rejects(fetchDebianPackages({ ...options, timeoutMs: 50 }), /no end after 50 ms/);
    assert.deepEqual(leftovers(), []);
  });

  test("tests find a tool for PDF files without anybody having installed it", async () => {
    const { command, env } = await tool("qpdf");
    assert.match(execFileSync(command, ["--version"], { env, encoding: "utf8" }), /qpdf version/);
  });
});

test("without leave to download, nothing is tried", async () => {
  const env = { ...process.env, NIGHTSHIFT_NO_DOWNLOAD: "1" };
  await assert.rejects(fetchDebianPackages({ packages: ["redis-tools"], cacheDir, env, works }), PackagesUnavailable);
});
