/** Who acts. Each role may do what the ones before it may, except that a viewer does not enqueue (docs/operations.md). */
export const roles = ["producer", "viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

/** What a role is asked for. `enqueue` includes to cancel; `operate`: redrive, jobs of the house, pauses, the dashboard. */
export type Permission = "enqueue" | "read" | "operate" | "administer";

const permissions: Readonly<Record<Role, readonly Permission[]>> = {
  producer: ["enqueue", "read"],
  viewer: ["read"],
  operator: ["enqueue", "read", "operate"],
  admin: ["enqueue", "read", "operate", "administer"],
};

/** Name of a tenant. A key's tenant may also be `*`. */
export const tenantPattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The holder of a verified key. */
export interface Principal {
  readonly keyId: string;
  /** `*`: may act for any tenant, named by the `Nightshift-Tenant` header. */
  readonly tenant: string;
  readonly role: Role;
}

export function may(principal: Principal, permission: Permission): boolean {
  return permissions[principal.role].includes(permission);
}
