import { KeyStore } from "../access/keys.ts";
import { DashboardServer } from "../dashboard/server.ts";
import { runProcess } from "../process.ts";

/** Bull Board over every Redis queue, behind sign-in. */
await runProcess({
  name: "dashboard",
  parts: ({ env, log, runtime, apiKey }) => [
    new DashboardServer({
      queues: runtime.queuesOn("redis").map((definition) => ({ definition, queue: runtime.redis.queue(definition) })),
      cancellation: runtime.cancellation,
      redrive: runtime.redrive,
      settings: runtime.settings,
      keys: new KeyStore(runtime.database, apiKey),
      bootstrapKey: apiKey,
      database: runtime.database,
      log,
      host: env.host,
      port: env.dashboardPort,
    }),
  ],
});
