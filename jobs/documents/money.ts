/**
 * Amounts of money as whole numbers of the smallest unit (paise), never as fractions of a rupee. Every operation is exact:
 * products are formed as bigint, results are checked to be safe integers. Amounts here are never negative.
 */

/** A whole, non-negative number of paise; 100 make a rupee. */
export type Paise = number;

/** ₹99,99,99,99,999.99: below 10,000 crore rupees. The widest amount the layouts are measured for; far inside 2^53. */
export const maxPaise: Paise = 9_999_999_999_999;

/**
 * `amount × numerator ÷ denominator`, rounded half up to the paisa. All three are whole and non-negative.
 * Returns a bigint, because two legal factors can leave the safe range: compare before narrowing.
 */
export function portionWide(amount: Paise, numerator: number, denominator: number): bigint {
  if (amount < 0 || numerator < 0 || denominator <= 0) {
    throw new RangeError("Expected a non-negative amount and numerator and a positive denominator");
  }
  const divisor = BigInt(denominator);
  return (2n * BigInt(amount) * BigInt(numerator) + divisor) / (2n * divisor);
}

/** `portionWide` as a number. Throws a RangeError when the result leaves the safe range. */
export function portion(amount: Paise, numerator: number, denominator: number): Paise {
  return narrow(portionWide(amount, numerator, denominator));
}

/** Sum of amounts. Throws a RangeError when it leaves the safe range. */
export function sum(amounts: Iterable<Paise>): Paise {
  let total = 0n;
  for (const amount of amounts) total += BigInt(amount);
  return narrow(total);
}

/** An amount in two equal halves; an odd paisa goes to the first. */
export function halves(amount: Paise): readonly [first: Paise, second: Paise] {
  const second = Math.floor(amount / 2);
  return [amount - second, second];
}

/** An amount rounded half up to whole rupees, and the signed paise that did it (-49 … 50). */
export function roundToRupee(amount: Paise): { readonly rounded: Paise; readonly roundOff: number } {
  const rounded = portion(amount, 1, 100) * 100;
  return { rounded, roundOff: rounded - amount };
}

function narrow(amount: bigint): Paise {
  if (amount > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError("Expected an amount within the safe integers");
  return Number(amount);
}
