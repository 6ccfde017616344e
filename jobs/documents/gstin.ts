import { findGstState } from "./gst-state.ts";

/**
 * GSTIN, the 15-character number of a registered person: state code, PAN, registration count, `Z`, check character.
 * Numbers of other schemes (UN bodies, non-resident taxpayers, tax deductors) have other shapes and are not read here.
 */

const shape = /^[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]$/;
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** What is wrong with a GSTIN, as a sentence without the number itself; undefined when nothing is. */
export function gstinProblem(text: string): string | undefined {
  if (!shape.test(text)) return "expected a GSTIN such as 27AAPFU0939F1ZV: 15 capital letters and digits";
  if (!findGstState(stateCodeOf(text))) return "expected a GSTIN that begins with a GST state code";
  if (text.at(-1) !== checkCharacter(text)) return "the check character (the 15th) does not match the other 14";
  return undefined;
}

/** The first two digits: the code of the state that a party is registered in. */
export function stateCodeOf(gstin: string): string {
  return gstin.slice(0, 2);
}

/**
 * The 15th character for the first 14: a Luhn sum over base 36. Weights 1 and 2 alternate; each product adds its two
 * base-36 digits.
 */
export function checkCharacter(gstin: string): string {
  let sum = 0;
  for (let position = 0; position < 14; position++) {
    const product = alphabet.indexOf(gstin.charAt(position)) * (position % 2 === 0 ? 1 : 2);
    sum += Math.floor(product / 36) + (product % 36);
  }
  return alphabet.charAt((36 - (sum % 36)) % 36);
}
