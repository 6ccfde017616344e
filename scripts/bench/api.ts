import { KeyStore } from "../../src/access/keys.ts";
import { ApiServer } from "../../src/api/server.ts";
import { Health } from "../../src/observability/health.ts";
import type { Metrics } from "../../src/observability/metrics.ts";
import type { Runtime } from "../../src/runtime.ts";
import { meter } from "./job.ts";
import type { Wire } from "./remote.ts";

/**
 * Be an API process until told to stop: start, say the address, serve. Who says "measure" gets the processor time of all that
 * came after it, by saying how many requests that were.
 */
export async function serve(
  nightshift: Runtime & { readonly metrics: Metrics },
  wire: Wire,
  { bootstrapKey }: { readonly bootstrapKey?: string } = {},
): Promise<void> {
  await nightshift.start();
  const { documents, blobs, ai } = nightshift.services;
  const server = new ApiServer({
    ...nightshift,
    engineOf: (queue) => nightshift.engineOf(queue),
    keys: new KeyStore(nightshift.database, bootstrapKey),
    documents,
    blobs,
    ai,
    health: new Health({}),
    host: "127.0.0.1",
    port: 0,
  });
  await server.start();
  wire.say(server.url);
  await untilStopped(wire);
  await server.stop(1_000);
  await nightshift.stop();
}

/** What a server hears while it serves: "measure", then how many requests it answered since; anything else: stop. */
export async function untilStopped(wire: Wire): Promise<void> {
  for (let word = await wire.heard<string>(); word === "measure"; word = await wire.heard<string>()) {
    const end = meter();
    wire.say("measuring");
    wire.say(end(await wire.heard<number>()).cpuMicros);
  }
}
