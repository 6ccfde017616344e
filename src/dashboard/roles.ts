import { may, type Principal, type Role } from "../access/principal.ts";

/** Who may open the dashboard. Operators and admins act; viewers look. */
export type DashboardRole = Exclude<Role, "producer">;

/** A principal that may sign in. */
export interface Visitor {
  readonly keyId: string;
  readonly role: DashboardRole;
}

/**
 * The visitor behind a key, or why it is refused, in words for the person at the door. The board shows the jobs of all
 * tenants side by side, so a key that is bound to one tenant has no business here: it would see its neighbours' work.
 */
export function admit({ keyId, tenant, role }: Principal): Visitor | { readonly refusal: string } {
  if (role === "producer")
    return { refusal: "This key has the role producer: it may hand work over, but not see the dashboard." };
  if (tenant !== "*")
    return {
      refusal: `This key belongs to tenant ${tenant}. The dashboard shows all tenants and takes keys for * only.`,
    };
  return { keyId, role };
}

export function mayAct(visitor: Visitor): boolean {
  return may({ ...visitor, tenant: "*" }, "operate");
}
