import { ProbeServer } from "../observability/probe-server.ts";
import { runProcess } from "../process.ts";

/** The relay and the engines' housekeeping. Any number may run: rows are claimed one by one. */
await runProcess({
  name: "scheduler",
  sources: (runtime) => ({ depths: runtime.depthSources() }),
  parts: ({ env, log, metrics, health }) => [
    new ProbeServer({ host: env.host, port: env.probePort, health, metrics, log }),
  ],
});
