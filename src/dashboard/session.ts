import { createHash, createHmac, randomBytes } from "node:crypto";
import { hours } from "#core/duration.ts";
import type { Database } from "../ledger/database.ts";
import type { Visitor } from "./roles.ts";

export const sessionMs = hours(8); // a working day: whoever comes back tomorrow shows the key again

const tokenPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * Who is signed in. A session is 256 random bits in a cookie; the table holds only their hash. It ends after 8 hours, on
 * sign-out, and at once when its key is revoked. A session of the bootstrap key is hashed together with that key, so that
 * replacing the key ends it too.
 */
export class Sessions {
  readonly #database: Database;
  readonly #bootstrapKey: string | undefined;

  constructor(database: Database, bootstrapKey: string | undefined) {
    this.#database = database;
    this.#bootstrapKey = bootstrapKey;
  }

  /** Always a new token, whatever the browser sent: a session cannot be planted. Also clears away expired ones. */
  async begin({ keyId, role }: Visitor): Promise<string> {
    const token = randomBytes(32).toString("base64url");
    const { schema } = this.#database;
    await this.#database.executeSql(`delete from ${schema}.sessions where expires_at <= now()`);
    await this.#database.executeSql(
      `insert into ${schema}.sessions (token_hash, key_id, tenant, role, expires_at)
       values ($1, $2, '*', $3, now() + $4 * interval '1 millisecond')`,
      [keyId === "bootstrap" ? this.#bootstrapHash(token) : plainHash(token), keyId, role, sessionMs],
    );
    return token;
  }

  /** `null` for a token that is unknown, expired, signed out, or whose key was revoked. */
  async find(token: string | undefined): Promise<Visitor | null> {
    if (token === undefined || !tokenPattern.test(token)) return null;
    const { schema } = this.#database;
    const { rows } = await this.#database.executeSql(
      `select s.key_id, s.role from ${schema}.sessions s left join ${schema}.api_keys k on k.id = s.key_id
       where s.expires_at > now() and
         ((s.token_hash = $1 and k.id is not null and k.revoked_at is null) or
          (s.token_hash = $2 and s.key_id = 'bootstrap'))`,
      [plainHash(token), this.#bootstrapHash(token)],
    );
    return rows[0] ? { keyId: rows[0].key_id, role: rows[0].role } : null;
  }

  /** Safe to repeat. */
  async end(token: string | undefined): Promise<void> {
    if (token === undefined || !tokenPattern.test(token)) return;
    await this.#database.executeSql(`delete from ${this.#database.schema}.sessions where token_hash in ($1, $2)`, [
      plainHash(token),
      this.#bootstrapHash(token),
    ]);
  }

  /** `null` (which equals no row) when this process has no bootstrap key. */
  #bootstrapHash(token: string): Buffer | null {
    return this.#bootstrapKey ? createHmac("sha256", this.#bootstrapKey).update(token).digest() : null;
  }
}

function plainHash(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
