import assert from "node:assert/strict";
import { test } from "vitest";
import type { RunningServer } from "../../src/embedded/server.ts";
import { restartDelayMs, Supervisor } from "../../src/embedded/supervisor.ts";
import { eventually } from "../rig/eventually.ts";

/** A server whose death is in our hand, and what the supervisor told about it. */
class Bench {
  readonly events: string[] = [];
  starts = 0;
  failing = false;
  #die: (how: string) => void = () => {};

  readonly #record = (_fields: object, event: string) => void this.events.push(event);
  readonly supervisor = new Supervisor({
    name: "redis",
    delayMs: () => 0,
    log: { info: this.#record, warn: this.#record, error: this.#record },
    start: async () => {
      this.starts++;
      if (this.failing) throw new Error("no");
      const exited = new Promise<string>((resolve) => {
        this.#die = resolve;
      });
      const server: RunningServer = {
        url: `redis://${this.starts}`,
        pid: this.starts,
        exited,
        stop: async () => this.die(),
      };
      return server;
    },
  });

  die(): void {
    this.#die("SIGKILL");
  }
}

test("callers share one start", async () => {
  const bench = new Bench();
  assert.deepEqual(await Promise.all([bench.supervisor.start(), bench.supervisor.start()]), ["redis://1", "redis://1"]);
  await bench.supervisor.stop();
});

test("a server that dies is started again, one that is stopped is not", async () => {
  const bench = new Bench();
  await bench.supervisor.start();
  bench.die();
  await eventually(() => assert.deepEqual(bench.events, ["redis.died", "redis.restarted"]));
  await bench.supervisor.stop();
  assert.equal(bench.starts, 2);
});

test("a start that failed may be tried again", async () => {
  const bench = new Bench();
  bench.failing = true;
  await assert.rejects(bench.supervisor.start(), /no/);
  bench.failing = false;
  assert.equal(await bench.supervisor.start(), "redis://2");
  await bench.supervisor.stop();
});

test("a server that keeps dying is given up after five restarts in a minute, until somebody asks for it again", async () => {
  const bench = new Bench();
  await bench.supervisor.start();
  for (let restart = 1; restart <= 5; restart++) {
    bench.die();
    await eventually(() => assert.equal(bench.starts, 1 + restart));
    await eventually(() => assert.equal(bench.events.at(-1), "redis.restarted"));
  }
  bench.die();
  await eventually(() => assert.equal(bench.events.at(-1), "redis.restart_failed"));
  assert.equal(bench.starts, 1 + 5);

  assert.equal(await bench.supervisor.start(), "redis://7");
  await bench.supervisor.stop();
});

test("restarts that fail count as well", async () => {
  const bench = new Bench();
  await bench.supervisor.start();
  bench.failing = true;
  bench.die();
  await eventually(() => assert.equal(bench.starts, 1 + 5));
  await bench.supervisor.stop();
});

test("restarts wait longer each time, the first one not at all", () => {
  assert.deepEqual([1, 2, 3, 4, 5].map(restartDelayMs), [0, 200, 400, 800, 1600]);
});
