/**
 * Keeps the number of label values bounded: the first `limit` tenants this process meets keep their names, all later
 * ones are counted together as `other`. A restart begins anew.
 */
export class TenantLabels {
  readonly #limit: number;
  readonly #known = new Set<string>();

  constructor(limit = 1_000) {
    this.#limit = limit;
  }

  of(tenant: string): string {
    if (this.#known.has(tenant)) return tenant;
    if (this.#known.size >= this.#limit) return "other";
    this.#known.add(tenant);
    return tenant;
  }
}
