import { ProbeServer } from "../observability/probe-server.ts";
import { runProcess } from "../process.ts";
import { Scheduler } from "../scheduler/scheduler.ts";

/** Schedules, the relay, the watch over Redis, and the engines' housekeeping. Any number may run. */
await runProcess({
  name: "scheduler",
  sources: (runtime) => ({
    depths: runtime.depthSources(),
    incidents: () => runtime.incidents.openByKind(),
    reminders: () => runtime.reminders.backlog.read(),
  }),
  parts: ({ env, log, runtime, metrics, health }) => [
    new ProbeServer({ host: env.host, port: env.probePort, health, metrics, log }),
    new Scheduler({ ...runtime, timeZone: env.timeZone, log }),
  ],
});
