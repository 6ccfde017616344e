/** The five platforms of the demo, and what each of them uses. */
export const platforms = {
  northwind: { name: "Northwind Licences", timeZone: "Europe/Berlin" },
  brain2gain: { name: "Brain2Gain MX", timeZone: "America/Mexico_City" },
  suryodaya: { name: "Suryodaya ERP Pvt Ltd", timeZone: "Asia/Kolkata" },
  cloudops: { name: "CloudOps Inc", timeZone: "America/New_York" },
  complianceai: { name: "ComplianceAI Demo LLP", timeZone: "Asia/Kolkata" },
} as const;

export type Platform = keyof typeof platforms;

export const platformNames = Object.keys(platforms) as readonly Platform[];

/** The platform's tenant in one run. Runs do not share tenants, so that what a run did can be counted. */
export function tenantOf(platform: Platform, run: string): string {
  return `${platform}-${run}`;
}
