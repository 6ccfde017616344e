/**
 * GST state codes: the first two digits of a GSTIN, and the place of supply of an invoice.
 * Source: state code list of the GST and e-invoice portals, read from secondary copies (caclubindia.com, Vertex's IRP
 * documentation) on 20 November 2026. 25 was merged into 26 on 26 January 2020; 28 is Andhra Pradesh before its division.
 */
export interface GstState {
  readonly code: string;
  readonly name: string;
  /** A union territory without legislature: the second half of a local supply's tax is UTGST, not SGST (UTGST Act 2017). */
  readonly levy: "SGST" | "UTGST";
  /** The code that replaced this one. Found in old numbers; no new supply has its place here. */
  readonly replacedBy?: string;
}

const names: Readonly<Record<string, string>> = {
  "01": "Jammu and Kashmir",
  "02": "Himachal Pradesh",
  "03": "Punjab",
  "04": "Chandigarh",
  "05": "Uttarakhand",
  "06": "Haryana",
  "07": "Delhi",
  "08": "Rajasthan",
  "09": "Uttar Pradesh",
  "10": "Bihar",
  "11": "Sikkim",
  "12": "Arunachal Pradesh",
  "13": "Nagaland",
  "14": "Manipur",
  "15": "Mizoram",
  "16": "Tripura",
  "17": "Meghalaya",
  "18": "Assam",
  "19": "West Bengal",
  "20": "Jharkhand",
  "21": "Odisha",
  "22": "Chhattisgarh",
  "23": "Madhya Pradesh",
  "24": "Gujarat",
  "25": "Daman and Diu",
  "26": "Dadra and Nagar Haveli and Daman and Diu",
  "27": "Maharashtra",
  "28": "Andhra Pradesh (before division)",
  "29": "Karnataka",
  "30": "Goa",
  "31": "Lakshadweep",
  "32": "Kerala",
  "33": "Tamil Nadu",
  "34": "Puducherry",
  "35": "Andaman and Nicobar Islands",
  "36": "Telangana",
  "37": "Andhra Pradesh",
  "38": "Ladakh",
  "97": "Other Territory",
  "99": "Centre Jurisdiction",
};
const withoutLegislature = new Set(["04", "25", "26", "31", "35", "38", "97"]);
const replacements: Readonly<Record<string, string>> = { "25": "26", "28": "37" };

/** The state of a code, also a replaced one; undefined when GST knows no such code. */
export function findGstState(code: string): GstState | undefined {
  const name = Object.hasOwn(names, code) ? names[code] : undefined;
  if (name === undefined) return undefined;
  const levy = withoutLegislature.has(code) ? "UTGST" : "SGST";
  const replacedBy = replacements[code];
  return replacedBy === undefined ? { code, name, levy } : { code, name, levy, replacedBy };
}

/** Codes that may be a place of supply today: no replaced ones, and not 99, which is a jurisdiction and not a place. */
export const placesOfSupply: readonly string[] = Object.keys(names)
  .filter((code) => !Object.hasOwn(replacements, code) && code !== "99")
  .toSorted();
