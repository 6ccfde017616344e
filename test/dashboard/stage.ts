import { KeyStore } from "../../src/access/keys.ts";
import type { Role } from "../../src/access/principal.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { JobDefinition } from "../../src/core/job.ts";
import { DashboardServer } from "../../src/dashboard/server.ts";
import { type Rig, startRig } from "../rig/rig.ts";

export const bootstrapKey = "the bootstrap key of these tests";

/** A rig with a dashboard in front of it, reached over real HTTP. */
export interface Stage extends AsyncDisposable {
  readonly rig: Rig;
  readonly keys: KeyStore;
  readonly url: string;
  /** Make a key for all tenants (or one). */
  key(role: Role, forTenant?: string): Promise<{ readonly keyId: string; readonly key: string }>;
  /** Sign in as a browser would. */
  signIn(key: string, headers?: Record<string, string>): Promise<Response>;
  /** Sign in with a new key of that role; the answer asks for pages and acts as its holder. */
  visitor(role: Role): Promise<Visitor>;
  /** All rows of the audit about actions on queues and jobs, oldest first. */
  deeds(): Promise<readonly Record<string, unknown>[]>;
}

export interface Visitor {
  readonly keyId: string;
  readonly cookie: string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** What a button of the board sends. */
  put(path: string, headers?: Record<string, string>): Promise<Response>;
}

export async function raise(options: {
  jobs: readonly JobDefinition[];
  titles?: Readonly<Record<string, string>>;
  bootstrapKey?: string;
  publicUrl?: string;
  clock?: Clock;
}): Promise<Stage> {
  const rig = await startRig(options);
  const { runtime } = rig;
  const currentKey = options.bootstrapKey ?? bootstrapKey;
  const keys = new KeyStore(runtime.database, currentKey);
  const server = new DashboardServer({
    queues: runtime.queuesOn("redis").map((definition) => ({
      definition,
      queue: runtime.redis.queue(definition),
      ...(options.titles?.[definition.name] !== undefined && { title: options.titles[definition.name]! }),
    })),
    cancellation: runtime.cancellation,
    redrive: runtime.redrive,
    settings: runtime.settings,
    keys,
    bootstrapKey: currentKey,
    database: runtime.database,
    log: runtime.log,
    externalJobUrl: (id) => `http://127.0.0.1:3000/v1/jobs/${id}`,
    ...(options.publicUrl !== undefined && { publicUrl: options.publicUrl }),
    ...(options.clock && { clock: options.clock }),
    host: "127.0.0.1",
    port: 0,
  });
  await server.start();
  const { url } = server;

  const stage: Stage = {
    rig,
    keys,
    url,
    key: (role, forTenant = "*") => keys.create({ name: `a ${role}`, tenant: forTenant, role }),
    signIn: (key, headers = {}) =>
      fetch(`${url}/sign-in`, {
        method: "POST",
        redirect: "manual",
        headers: { "Sec-Fetch-Site": "same-origin", ...headers },
        body: new URLSearchParams({ key }),
      }),
    async visitor(role) {
      const { keyId, key } = await stage.key(role);
      const cookie = cookieOf(await stage.signIn(key));
      const ask = (method: string, path: string, headers: Record<string, string>) =>
        fetch(`${url}${path}`, { method, redirect: "manual", headers: { Cookie: cookie, ...headers } });
      return {
        keyId,
        cookie,
        get: (path, headers = {}) => ask("GET", path, headers),
        put: (path, headers = {}) => ask("PUT", path, { "Sec-Fetch-Site": "same-origin", ...headers }),
      };
    },
    async deeds() {
      const { rows } = await runtime.database.executeSql(
        `select tenant, actor, action, subject, details from ${rig.schema}.audit where subject <> 'session' order by id`,
      );
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await server.stop(1_000);
      await rig[Symbol.asyncDispose]();
    },
  };
  return stage;
}

/** `name=value` of the cookie that an answer sets. */
export function cookieOf(response: Response): string {
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}
