import type { Paise } from "./money.ts";

/**
 * Rupees as India writes them: the last three digits together, then pairs (1,00,000 is a lakh, 1,00,00,000 a crore).
 * Not by Intl: its output changes with the ICU of a Node release, and a document must not.
 */

/** 14995075 → "₹1,49,950.75". A negative amount (a round off) carries a minus sign before the symbol. */
export function formatRupees(amount: number): string {
  const paise = Math.abs(amount);
  const sign = amount < 0 ? "−" : "";
  return `${sign}₹${groupIndian(Math.floor(paise / 100))}.${String(paise % 100).padStart(2, "0")}`;
}

/** 181367 → "1,81,367". */
export function groupIndian(whole: number): string {
  const digits = String(whole);
  if (digits.length <= 3) return digits;
  const head = digits.slice(0, -3);
  return `${head.replace(/\B(?=(?:\d{2})+$)/g, ",")},${digits.slice(-3)}`;
}

const small = [
  "Zero One Two Three Four Five Six Seven Eight Nine Ten",
  "Eleven Twelve Thirteen Fourteen Fifteen Sixteen Seventeen Eighteen Nineteen",
]
  .join(" ")
  .split(" ");
const tens = "Zero Ten Twenty Thirty Forty Fifty Sixty Seventy Eighty Ninety".split(" ");
const scales: ReadonlyArray<readonly [size: number, name: string]> = [
  [10_000_000, "Crore"],
  [100_000, "Lakh"],
  [1_000, "Thousand"],
  [100, "Hundred"],
];

/** 18136700 → "Rupees One Lakh Eighty One Thousand Three Hundred Sixty Seven Only"; paise follow with "and … Paise". */
export function rupeesInWords(amount: Paise): string {
  const rupees = Math.floor(amount / 100);
  const paise = amount % 100;
  return `Rupees ${inWords(rupees)}${paise > 0 ? ` and ${inWords(paise)} Paise` : ""} Only`;
}

/** A whole, non-negative number in English with lakh and crore: 12345678 → "One Crore Twenty Three Lakh …". */
export function inWords(whole: number): string {
  if (whole < 20) return small[whole]!;
  for (const [size, name] of scales) {
    if (whole >= size) return `${inWords(Math.floor(whole / size))} ${name}${tail(whole % size)}`;
  }
  return `${tens[Math.floor(whole / 10)]!}${tail(whole % 10)}`;
}

function tail(rest: number): string {
  return rest === 0 ? "" : ` ${inWords(rest)}`;
}
