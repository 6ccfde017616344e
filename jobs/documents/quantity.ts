/**
 * Quantities arrive as decimal strings, because 0.1 of something is not a binary fraction. They are kept as whole
 * thousandths: GST returns carry at most three decimals.
 */

/** Up to nine digits before the point and three after it, written without leading zeros, signs or exponents. */
export const quantityPattern = /^(?:0|[1-9]\d{0,8})(?:\.\d{1,3})?$/;

/** "1.5" → 1500. Undefined for anything that is not a plain decimal of at most three places. */
export function parseQuantity(text: string): number | undefined {
  if (!quantityPattern.test(text)) return undefined;
  const [whole = "", fraction = ""] = text.split(".");
  return Number(whole) * 1000 + Number(fraction.padEnd(3, "0"));
}
