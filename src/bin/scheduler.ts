import { hours, minutes } from "#core/duration.ts";
import { ProbeServer } from "../observability/probe-server.ts";
import { runProcess } from "../process.ts";
import { Sweeps } from "../scheduler/sweeps.ts";

/** The relay, the watch over Redis, the house's own jobs, and the engines' housekeeping. Any number may run. */
await runProcess({
  name: "scheduler",
  sources: (runtime) => ({ depths: runtime.depthSources(), incidents: () => runtime.incidents.openByKind() }),
  parts: ({ env, log, runtime, metrics, health }) => [
    new ProbeServer({ host: env.host, port: env.probePort, health, metrics, log }),
    new Sweeps({
      ...runtime,
      sweeps: [
        { job: runtime.catalog.get("operations.reconcile"), everyMs: minutes(1) },
        { job: runtime.catalog.get("operations.prune"), everyMs: hours(1) },
        { job: runtime.catalog.get("reports.plan"), everyMs: minutes(5) },
      ],
    }),
  ],
});
