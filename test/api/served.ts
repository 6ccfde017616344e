import { KeyStore } from "../../src/access/keys.ts";
import type { Role } from "../../src/access/principal.ts";
import type { Health } from "../../src/api/routes/health.ts";
import { ApiServer } from "../../src/api/server.ts";
import type { QueueDefinition } from "../../src/core/queue.ts";
import { type Rig, startRig, tenant } from "../rig/rig.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is what the test is about
  readonly body: any;
}

export interface Asked {
  readonly method?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly raw?: RequestInit["body"];
  /** `null`: none. */
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** A rig with the API in front of it, on a port of its own. */
export interface Served extends AsyncDisposable {
  readonly rig: Rig;
  readonly server: ApiServer;
  readonly url: string;
  readonly keys: KeyStore;
  /** A key of the rig's tenant by role, and one of an operator of all tenants. */
  readonly key: Readonly<Record<Role | "everyone" | "stranger", string>>;
  readonly health: { checks: Awaited<ReturnType<Health["checks"]>> };
  /** One request with the producer's key, unless told otherwise. */
  ask(path: string, asked?: Asked): Promise<Answer>;
  fetch(path: string, asked?: Asked): Promise<Response>;
}

/** Start a rig and the API in front of it. */
export async function serve(options: Parameters<typeof startRig>[0]): Promise<Served> {
  const rig = await startRig(options);
  const { runtime } = rig;
  const { catalog, producer, reader, lookup, cancellation, redrive, listener, services, log } = runtime;
  const { incidents, settings, database, reminders } = runtime;
  const keys = new KeyStore(runtime.database, "bootstrap-key");
  const make = async (of: string, role: Role) => (await keys.create({ name: `${of} ${role}`, tenant: of, role })).key;
  const key = {
    producer: await make(tenant, "producer"),
    viewer: await make(tenant, "viewer"),
    operator: await make(tenant, "operator"),
    admin: await make(tenant, "admin"),
    everyone: await make("*", "operator"),
    stranger: await make("globex", "operator"),
  };
  const health: Served["health"] = { checks: [{ name: "postgres", ok: true }] };
  const server = new ApiServer({
    ...{ catalog, producer, reader, lookup, cancellation, redrive, listener, log, keys, ...services },
    ...{
      incidents,
      settings,
      database,
      reminders,
      reports: runtime.reports,
      clock: runtime.clock,
      engineOf: (queue: QueueDefinition) => runtime.engineOf(queue),
    },
    health: { checks: async () => health.checks },
    metrics: { contentType: "text/plain; version=0.0.4", text: async () => "up 1\n" },
    host: "127.0.0.1",
    port: 0,
  });
  await server.start();
  const { url } = server;

  const request = (path: string, { method, json, raw, key: sent = key.producer, headers, signal }: Asked = {}) =>
    fetch(url + path, {
      method: method ?? (json === undefined && raw === undefined ? "GET" : "POST"),
      headers: {
        ...(sent !== null && { authorization: `Bearer ${sent}` }),
        ...(json !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      ...(raw !== undefined && { body: raw }),
      ...(signal && { signal }),
    });

  return {
    rig,
    server,
    url,
    keys,
    key,
    health,
    fetch: request,
    async ask(path, asked) {
      const response = await request(path, asked);
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("content-type") ?? "");
      return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
    },
    async [Symbol.asyncDispose]() {
      await server.stop(2_000);
      await rig[Symbol.asyncDispose]();
    },
  };
}
