import { bootstrapKey } from "../config/bootstrap-key.ts";
import { createLog } from "../observability/log.ts";
import { readEnvironment } from "../process.ts";
import { openStores, type Stores } from "../stores.ts";
import { processKinds, Supervisor } from "../supervisor.ts";

/** All four processes in one command, with embedded servers where no URL is given: `npm start`; `--watch`: `npm run dev`. */
const env = readEnvironment();
const log = createLog({ level: env.logLevel, process: "all", pretty: process.stdout.isTTY === true });

const stopping = new AbortController();
const asked = new Promise<void>((resolve) => {
  const ask = () => {
    stopping.abort();
    resolve();
  };
  process.on("SIGTERM", ask);
  process.on("SIGINT", () => (stopping.signal.aborted ? process.exit(130) : ask())); // twice: now, without draining
});

const supervisor = new Supervisor({ log, watch: process.argv.includes("--watch") });
let stores: Stores | undefined;
try {
  stores = await openStores(env, log, stopping.signal);
  // One kind after the other: the first migrates the embedded database, the others find it ready.
  for (const kind of processKinds) {
    if (stopping.signal.aborted) break;
    await Promise.race([supervisor.start(kind, {}, "inherit").ready, asked]);
  }
  if (!stopping.signal.aborted) {
    const host = env.host.includes(":") ? `[${env.host}]` : env.host;
    const key = env.apiKey ? null : await bootstrapKey(env.dataDir);
    process.stdout.write(`
  API        http://${host}:${env.port}/docs
  Dashboard  http://${host}:${env.dashboardPort}
  Key        ${key ? `${key.key}   (admin; kept in ${key.path})` : "NIGHTSHIFT_API_KEY, from the environment"}
  Stop       Ctrl-C

`);
    await asked;
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    log.error({ err: error }, "start.failed");
    process.exitCode = 1;
  }
} finally {
  await supervisor.stop(env.drainMs + 10_000);
  await stores?.stop();
}
process.exit();
