/** Names of today that Intl lists under an older one, such as Asia/Calcutta; it accepts both. */
const renamed = [
  "UTC",
  "Africa/Asmara",
  "America/Argentina/Buenos_Aires",
  "America/Argentina/Catamarca",
  "America/Argentina/Cordoba",
  "America/Argentina/Jujuy",
  "America/Argentina/Mendoza",
  "America/Atikokan",
  "America/Indiana/Indianapolis",
  "America/Kentucky/Louisville",
  "America/Nuuk",
  "Asia/Ho_Chi_Minh",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Asia/Yangon",
  "Atlantic/Faroe",
  "Europe/Kyiv",
  "Pacific/Chuuk",
  "Pacific/Kanton",
  "Pacific/Pohnpei",
];
const mostEdits = 3; // more, and the suggestion is a guess

/** The known time zone whose name is nearest to one that is not known, by its city or by a few typing errors; null: none. */
export function nearestZone(name: string): string | null {
  const wanted = name.trim().toLowerCase().replaceAll(" ", "_").slice(0, 64);
  const known = [...renamed, ...Intl.supportedValuesOf("timeZone")];
  const sameCity = known.find((zone) => cityOf(zone) === cityOf(wanted));
  if (sameCity) return sameCity;
  let nearest: string | null = null;
  let fewest = Math.min(mostEdits, Math.floor(wanted.length / 3)) + 1;
  for (const zone of known) {
    const edits = Math.min(editsBetween(wanted, zone.toLowerCase()), editsBetween(wanted, cityOf(zone)));
    if (edits >= fewest) continue;
    nearest = zone;
    fewest = edits;
  }
  return nearest;
}

function cityOf(zone: string): string {
  return zone.slice(zone.lastIndexOf("/") + 1).toLowerCase();
}

/** Letters to add, drop or change (Levenshtein). */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[to.length]!;
}
