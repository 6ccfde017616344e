import type { Request } from "express";
import type { JobDefinition } from "#core/job.ts";
import type { KeyStore } from "../access/keys.ts";
import { may, type Permission, type Principal, tenantPattern } from "../access/principal.ts";
import { Refusal } from "./problem.ts";

/** Who calls, and for whom. */
export interface Caller extends Principal {
  /** The tenant this request is about; `null`: all of them (only for a key of `*` that named none). */
  readonly actsFor: string | null;
}

/** Find out who sent a request, before its body is read. */
export type Authenticate = (req: Request, needs: Permission) => Promise<Caller>;

const bearerPattern = /^Bearer +([\x21-\x7e]{1,500}) *$/i;

/**
 * `Authorization: Bearer <key>`, then the role, then the tenant. A key belongs to one tenant, or to `*`: such a key may
 * name one in `Nightshift-Tenant`. A key of one tenant that names another is refused, not ignored: its sender believes
 * something that is not so. Throws Refusal: `unauthenticated`, `forbidden`, `invalid_tenant` or `tenant_forbidden`.
 */
export function authenticator(keys: Pick<KeyStore, "verify">): Authenticate {
  return async (req, needs) => {
    const [, key] = bearerPattern.exec(req.headers.authorization ?? "") ?? [];
    if (key === undefined)
      throw new Refusal("unauthenticated", 'Expected a header "Authorization: Bearer <key>", found none of that form', {
        "WWW-Authenticate": 'Bearer realm="nightshift"',
      });
    const principal = await keys.verify(key);
    if (!principal)
      throw new Refusal("unauthenticated", "Expected a living key, found one that is unknown or was revoked", {
        "WWW-Authenticate": 'Bearer realm="nightshift", error="invalid_token"',
      });
    if (!may(principal, needs))
      throw forbidden(`Expected a role that may ${needs}, found a key with the role ${principal.role}`);
    return { ...principal, actsFor: actsFor(principal, req.headers["nightshift-tenant"]) };
  };
}

/** Hold a caller who may enqueue to what a job asks for beyond that. Throws Refusal `forbidden`. */
export function requireRoleFor({ name, enqueuedBy }: JobDefinition, caller: Caller): void {
  if (enqueuedBy === "operator" && !may(caller, "operate"))
    throw forbidden(`Expected a role that may operate for job "${name}", found a key with the role ${caller.role}`);
}

/** The one tenant of a request that cannot be about all of them. Throws Refusal `tenant_required`. */
export function oneTenant({ actsFor }: Caller): string {
  if (actsFor !== null) return actsFor;
  throw new Refusal(
    "tenant_required",
    'Expected a header "Nightshift-Tenant", because this key may act for any tenant',
  );
}

/** For what concerns every tenant: only a key of `*` may. Throws Refusal `forbidden`. */
export function everyTenant({ tenant }: Caller): void {
  if (tenant !== "*")
    throw new Refusal("forbidden", "Expected a key that may act for any tenant, because this concerns all of them");
}

function forbidden(detail: string): Refusal {
  return new Refusal("forbidden", detail);
}

function actsFor({ tenant }: Principal, named: string | string[] | undefined): string | null {
  if (named === undefined) return tenant === "*" ? null : tenant;
  if (typeof named !== "string" || !tenantPattern.test(named))
    throw new Refusal("invalid_tenant", `Expected Nightshift-Tenant to match ${tenantPattern}`);
  if (tenant !== "*" && tenant !== named)
    throw new Refusal("tenant_forbidden", "Expected Nightshift-Tenant to be the key's own tenant, or no such header");
  return named;
}
