import { ProbeServer } from "../observability/probe-server.ts";
import { runProcess } from "../process.ts";
import type { Runtime } from "../runtime.ts";
import { WorkerHost } from "../worker/host.ts";

let host: WorkerHost | undefined;

/** The queues in WORKER_QUEUES, default all. */
await runProcess({
  name: "worker",
  sources: (runtime) => ({
    slots: () =>
      (host?.pools ?? []).map((pool) => ({
        queue: pool.queue.name,
        slots: pool.queue.concurrency,
        used: pool.running,
      })),
    silences: () => host?.watchdog.silences() ?? [],
    breakers: () => runtime.aiBreakers(),
  }),
  parts: ({ env, log, runtime, metrics, health }) => {
    host = new WorkerHost({
      ...runtime.workerOptions(servedQueues(runtime, env.workerQueues)),
      onEnd: (end) => metrics.attemptEnded(end),
      onAbandoned: ({ job }) => metrics.handlerAbandoned(job.name),
      onRebuilt: (queue) => metrics.poolRebuilt(queue),
      silenceMs: env.silenceMs,
    });
    const { watchdog } = host;
    health.watch("queues", () => watchdog.check());
    return [new ProbeServer({ host: env.host, port: env.probePort, health, metrics, log }), host];
  },
});

function servedQueues(runtime: Runtime, names: readonly string[] | undefined) {
  const { queues } = runtime.catalog;
  const unknown = names?.filter((name) => !queues.some((queue) => queue.name === name)) ?? [];
  if (unknown.length > 0)
    throw new RangeError(
      `Expected WORKER_QUEUES to name queues of the catalog (${queues.map((queue) => queue.name).join(", ")}), found ${unknown.join(", ")}`,
    );
  return names ? queues.filter((queue) => names.includes(queue.name)) : queues;
}
