import { KeyStore } from "../access/keys.ts";
import { ApiServer } from "../api/server.ts";
import { runProcess } from "../process.ts";

/** The HTTP API and the fast path. */
await runProcess({
  name: "api",
  sources: (runtime) => ({
    depths: runtime.depthSources(),
    incidents: () => runtime.incidents.openByKind(),
    reminders: () => runtime.reminders.backlog.read(),
  }),
  parts: ({ env, log, runtime, metrics, health, apiKey }) => [
    new ApiServer({
      catalog: runtime.catalog,
      producer: runtime.producer,
      reader: runtime.reader,
      incidents: runtime.incidents,
      settings: runtime.settings,
      database: runtime.database,
      lookup: runtime.lookup,
      cancellation: runtime.cancellation,
      redrive: runtime.redrive,
      listener: runtime.listener,
      engineOf: (queue) => runtime.engineOf(queue),
      keys: new KeyStore(runtime.database, apiKey),
      documents: runtime.services.documents,
      blobs: runtime.services.blobs,
      reminders: runtime.reminders,
      ai: runtime.services.ai,
      reports: runtime.reports,
      clock: runtime.clock,
      health,
      metrics,
      host: env.host,
      port: env.port,
      log,
    }),
  ],
});
