import { KeyStore } from "../access/keys.ts";
import { ApiServer } from "../api/server.ts";
import { runProcess } from "../process.ts";

/** The HTTP API and the fast path. */
await runProcess({
  name: "api",
  sources: (runtime) => ({ depths: runtime.depthSources() }),
  parts: ({ env, log, runtime, metrics, health, apiKey }) => [
    new ApiServer({
      catalog: runtime.catalog,
      producer: runtime.producer,
      reader: runtime.reader,
      lookup: runtime.lookup,
      cancellation: runtime.cancellation,
      redrive: runtime.redrive,
      listener: runtime.listener,
      keys: new KeyStore(runtime.database, apiKey),
      documents: runtime.services.documents,
      blobs: runtime.services.blobs,
      health,
      metrics,
      host: env.host,
      port: env.port,
      log,
    }),
  ],
});
