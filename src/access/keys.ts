import { hash as digestOf, randomBytes, scrypt as scryptCallback, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { seconds } from "#core/duration.ts";
import { InvalidInput } from "#core/errors.ts";
import type { Database } from "../ledger/database.ts";
import { type Principal, type Role, tenantPattern } from "./principal.ts";

const scrypt = promisify(scryptCallback) as (secret: string, salt: Buffer, length: number) => Promise<Buffer>;

const keyPattern = /^ns_([0-9a-f]{12})_([A-Za-z0-9_-]{32})$/;
/** A verified key is not hashed again for this long; a revoked one works for this long at the most. */
const rememberMs = seconds(30);
const rememberAtMost = 1_000;

/**
 * API keys `ns_<id>_<secret>`: the secret is shown once, when the key is made, and kept as a scrypt hash with its own
 * salt. The bootstrap key comes from the environment and is not in the table.
 */
export class KeyStore {
  readonly #database: Database;
  readonly #bootstrap: Buffer | null;
  readonly #remembered = new Map<string, { principal: Principal; until: number }>();
  /** Looks on their way, so that a burst of requests with one key hashes it once. */
  readonly #looking = new Map<string, Promise<Principal | null>>();

  constructor(database: Database, bootstrapKey: string | undefined) {
    this.#database = database;
    this.#bootstrap = bootstrapKey ? digest(bootstrapKey) : null;
  }

  /** Make a key; the answer is the only place where its secret ever appears. Rejects with InvalidInput for a bad tenant. */
  async create(options: { name: string; tenant: string; role: Role }): Promise<{ keyId: string; key: string }> {
    if (options.tenant !== "*" && !tenantPattern.test(options.tenant))
      throw new InvalidInput("The key was refused", [
        { path: "tenant", message: `Expected "*" or a name matching ${tenantPattern}`, code: "invalid_tenant" },
      ]);
    const keyId = randomBytes(6).toString("hex");
    const secret = randomBytes(24).toString("base64url");
    const salt = randomBytes(16);
    await this.#database.executeSql(
      `insert into ${this.#database.schema}.api_keys (id, name, tenant, role, salt, hash) values ($1, $2, $3, $4, $5, $6)`,
      [keyId, options.name, options.tenant, options.role, salt, await scrypt(secret, salt, 32)],
    );
    return { keyId, key: `ns_${keyId}_${secret}` };
  }

  /** `false` when there is no such living key. Other processes notice within 30 s. */
  async revoke(keyId: string): Promise<boolean> {
    const { rows } = await this.#database.executeSql(
      `update ${this.#database.schema}.api_keys set revoked_at = now() where id = $1 and revoked_at is null returning id`,
      [keyId],
    );
    this.#remembered.clear();
    return rows.length > 0;
  }

  /** Whose key this is, or `null`. Takes the same time for a wrong secret as for a right one. */
  async verify(key: string): Promise<Principal | null> {
    const hash = digest(key);
    if (this.#bootstrap && timingSafeEqual(hash, this.#bootstrap))
      return { keyId: "bootstrap", tenant: "*", role: "admin" };
    const place = hash.toString("base64");
    const remembered = this.#remembered.get(place);
    if (remembered && remembered.until > Date.now()) return remembered.principal;
    this.#remembered.delete(place);
    const looking = this.#looking.get(place) ?? this.#remember(place, key).finally(() => this.#looking.delete(place));
    this.#looking.set(place, looking);
    return looking;
  }

  async #remember(place: string, key: string): Promise<Principal | null> {
    const principal = await this.#look(key);
    if (principal) {
      if (this.#remembered.size >= rememberAtMost) this.#remembered.clear();
      this.#remembered.set(place, { principal, until: Date.now() + rememberMs });
    }
    return principal;
  }

  async #look(key: string): Promise<Principal | null> {
    const [, keyId, secret] = keyPattern.exec(key) ?? [];
    if (!keyId || !secret) return null;
    const { rows } = await this.#database.executeSql(
      `select tenant, role, salt, hash from ${this.#database.schema}.api_keys where id = $1 and revoked_at is null`,
      [keyId],
    );
    const row = rows[0];
    if (!row || !timingSafeEqual(row.hash, await scrypt(secret, row.salt, 32))) return null;
    return { keyId, tenant: row.tenant, role: row.role };
  }
}

function digest(text: string): Buffer {
  return digestOf("sha256", text, "buffer");
}
