import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { test } from "vitest";
import { HttpServer } from "../src/http-server.ts";
import { silentLog } from "./engines/subject.ts";
import { gate } from "./rig/jobs.ts";

const options = { name: "tests", host: "127.0.0.1", port: 0, log: silentLog };

test("a request in hand is answered before the server is gone; one that never ends is cut at the deadline", async () => {
  const asked = [gate(), gate()];
  const answer = gate();
  const server = new HttpServer({
    ...options,
    async answer(req, res) {
      if (req.url === "/endless") return asked[0]!.open();
      asked[1]!.open();
      await answer.promise;
      res.end("answered");
    },
  });
  await server.start();
  const endless = assert.rejects(fetch(`${server.url}/endless`), TypeError);
  const slow = fetch(server.url);
  await Promise.all(asked.map(({ promise }) => promise));

  const stopped = server.stop(300);
  answer.open();
  assert.equal(await (await slow).text(), "answered");
  await Promise.all([stopped, endless]);
});

test("connections that are kept alive do not hold a stop up, whether idle before it or after", async () => {
  const asked = gate();
  const answer = gate();
  const server = new HttpServer({
    ...options,
    async answer(req, res) {
      if (req.url === "/slow") {
        asked.open();
        await answer.promise;
      }
      res.end();
    },
  });
  await server.start();
  const agent = new Agent({ keepAlive: true });
  const ask = async (path: string) => {
    const [response] = await once(request(`${server.url}${path}`, { agent }).end(), "response");
    await once(response.resume(), "end");
  };
  await ask("/");
  const slow = ask("/slow");
  await asked.promise;
  const stopped = server.stop(600_000); // waited for, it would outlast the test
  answer.open();
  await Promise.all([slow, stopped]);
  agent.destroy();
});

test("a port that is taken is told at the start; a stop before, after and twice is harmless", async () => {
  const answer = () => undefined;
  const first = new HttpServer({ ...options, answer });
  assert.throws(() => first.url, /call start\(\) first/);
  await first.start();
  const second = new HttpServer({ ...options, answer, port: Number(new URL(first.url).port) });
  await assert.rejects(second.start(), { code: "EADDRINUSE" });
  await Promise.all([second.stop(100), second.stop(100), first.stop(100), first.stop(100)]);
  await new HttpServer({ ...options, answer }).stop(100);
});
