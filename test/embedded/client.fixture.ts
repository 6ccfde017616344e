// A process that uses embedded servers: prints one line of JSON per event, stays until it is killed or its input ends.
import { startServers } from "../../src/embedded/servers.ts";

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const log = (fields: object, event: string) => say({ event, ...fields });
const options = JSON.parse(process.argv[2]!);

process.stdin.on("end", () => void servers.then((started) => started.stop())).resume();
const servers = startServers({ ...options, log: { info: log, warn: log, error: log } });
await servers.then(
  ({ redisUrl, databaseUrl }) => say({ event: "ready", redisUrl, databaseUrl }),
  ({ code, message }) => say({ event: "refused", code, message }),
);
