import { connect } from "node:net";
import { type Knock, startChild } from "./child.ts";
import { stopOrphans } from "./orphan.ts";
import { findRedis } from "./redis-program.ts";
import { launchUntilReady, type RunningServer, type StartOptions } from "./server.ts";
import { ServerDir } from "./server-dir.ts";

const knocks: readonly Knock[] = [{ signal: "SIGTERM", waitMs: 3000 }];

/**
 * Start Redis (or Valkey) over its directory: loopback, password, append-only file, nothing evicted. Ends what an
 * earlier guard left running there. Call it only while holding the lock: Redis has none on its data.
 */
export async function startRedis({ path, fsync, env, log, signal }: StartOptions): Promise<RunningServer> {
  const program = await findRedis({ env, log, signal });
  const dir = new ServerDir(path);
  const pidFile = dir.file("redis.pid");
  const password = dir.password();
  let port = 0;

  const child = await launchUntilReady({
    name: "Redis",
    dir,
    signal,
    knocks,
    launch: async () => {
      const orphans = await stopOrphans(path, pidFile, knocks);
      if (orphans.length > 0) log.warn({ pids: orphans }, "redis.orphans_stopped");
      port = await dir.port();
      const config = [
        "bind 127.0.0.1",
        `port ${port}`,
        `requirepass ${password}`,
        `dir ${JSON.stringify(path)}`,
        `pidfile ${JSON.stringify(pidFile)}`,
        "appendonly yes",
        `appendfsync ${fsync ? "everysec" : "no"}`,
        'save ""', // the append-only file is the one record
        "maxmemory-policy noeviction", // an evicted key would be a lost job
        "hz 100", // active expiry and client housekeeping every 10 ms, for short leases and delays
      ];
      // By standard input, because every user of the machine may read a command line.
      return dir.withLog((logFd) =>
        startChild(program.command, ["-"], { input: config.join("\n"), logFd, env: program.env, cwd: path }),
      );
    },
    isReady: () => answersPing(port, password),
    isPassing: (tail) => /Address already in use/i.test(tail),
  });

  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    pid: child.pid,
    exited: child.exited,
    stop: () => child.stop(knocks),
  };
}

/** Whether the server lets us in and has finished loading. Two lines of its protocol, cheaper than a client library. */
function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    let answer = "";
    socket.setEncoding("utf8").setTimeout(1000, () => socket.destroy());
    socket.on("data", (chunk) => {
      answer += chunk;
      if (/\+PONG\r\n|^-/m.test(answer)) socket.destroy();
    });
    socket.on("error", () => {}); // refused: "close" follows
    socket.on("close", () => resolve(answer.includes("+PONG")));
  });
}
