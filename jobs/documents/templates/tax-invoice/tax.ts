import { stateCodeOf } from "../../gstin.ts";
import { halves, type Paise, portion, portionWide, roundToRupee, sum } from "../../money.ts";
import { parseQuantity } from "../../quantity.ts";
import type { TaxInvoice, TaxInvoiceLine } from "./inputs.ts";

/**
 * The arithmetic of a tax invoice. Rules, also in docs/documents.md:
 * - taxable value of a line = quantity × unit price − discount, rounded half up to the paisa;
 * - tax of a line = taxable value × rate, rounded half up to the paisa;
 * - supplier's state ≠ place of supply: all of it is IGST. Equal: two halves, CGST and SGST (UTGST in a union territory
 *   without legislature); an odd paisa goes to CGST;
 * - totals are sums of rounded lines; the grand total is rounded half up to the rupee, the difference is "Round off".
 */
export interface TaxedLine {
  readonly line: TaxInvoiceLine;
  readonly taxable: Paise;
  readonly tax: Tax;
  /** Taxable value and tax. */
  readonly amount: Paise;
}
export interface Tax {
  readonly total: Paise;
  readonly igst: Paise;
  readonly cgst: Paise;
  /** SGST or UTGST. */
  readonly sgst: Paise;
}
export interface RateTotal {
  readonly ratePercent: number;
  readonly taxable: Paise;
  readonly tax: Tax;
}
export interface InvoiceTax {
  /** Supplier's state and place of supply differ. */
  readonly isInterState: boolean;
  readonly lines: readonly TaxedLine[];
  /** One entry per rate that occurs, rising. */
  readonly byRate: readonly RateTotal[];
  readonly taxable: Paise;
  readonly tax: Tax;
  readonly total: Paise;
  /** Signed paise: grand total − total. */
  readonly roundOff: number;
  readonly grandTotal: Paise;
}

export function taxInvoiceTotals(invoice: TaxInvoice): InvoiceTax {
  const isInterState = stateCodeOf(invoice.supplier.gstin) !== invoice.placeOfSupply;
  const lines = invoice.lines.map((line) => taxLine(line, isInterState));
  const rates = [...new Set(invoice.lines.map((line) => line.gstRatePercent))].toSorted((a, b) => a - b);
  const byRate = rates.map((ratePercent) => {
    const ofRate = lines.filter(({ line }) => line.gstRatePercent === ratePercent);
    return { ratePercent, taxable: sum(ofRate.map(({ taxable }) => taxable)), tax: sumTax(ofRate) };
  });
  const taxable = sum(lines.map((line) => line.taxable));
  const tax = sumTax(lines);
  const total = sum([taxable, tax.total]);
  const { rounded: grandTotal, roundOff } = roundToRupee(total);
  return { isInterState, lines, byRate, taxable, tax, total, roundOff, grandTotal };
}

/** Quantity × unit price, rounded half up to the paisa; undefined while one of them is not what the schema asks for. */
export function grossWide(line: Pick<TaxInvoiceLine, "quantity" | "unitPricePaise">): bigint | undefined {
  const thousandths = parseQuantity(line.quantity);
  if (thousandths === undefined || !isAmount(line.unitPricePaise)) return undefined;
  return portionWide(line.unitPricePaise, thousandths, 1000);
}

/** The total with tax, wide: 5,000 lines of the largest amount leave the safe range. Undefined while a line is wrong. */
export function invoiceTotalWide(lines: readonly TaxInvoiceLine[]): bigint | undefined {
  let total = 0n;
  for (const line of lines) {
    const gross = grossWide(line);
    const { discountPaise = 0 } = line;
    if (gross === undefined || gross > BigInt(Number.MAX_SAFE_INTEGER) || !isAmount(discountPaise)) return undefined;
    const taxable = Number(gross) - discountPaise;
    if (taxable < 0) return undefined;
    total += BigInt(taxable) + portionWide(taxable, hundredths(line.gstRatePercent), 10_000);
  }
  return total;
}

function taxLine(line: TaxInvoiceLine, isInterState: boolean): TaxedLine {
  const thousandths = parseQuantity(line.quantity);
  if (thousandths === undefined) throw new RangeError("Expected a quantity that passed the schema");
  const taxable = portion(line.unitPricePaise, thousandths, 1000) - (line.discountPaise ?? 0);
  const total = portion(taxable, hundredths(line.gstRatePercent), 10_000);
  const [cgst, sgst] = isInterState ? [0, 0] : halves(total);
  const tax = { total, igst: isInterState ? total : 0, cgst, sgst };
  return { line, taxable, tax, amount: sum([taxable, total]) };
}

function sumTax(lines: readonly TaxedLine[]): Tax {
  const of = (part: keyof Tax) => sum(lines.map(({ tax }) => tax[part]));
  return { total: of("total"), igst: of("igst"), cgst: of("cgst"), sgst: of("sgst") };
}

function isAmount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** 0.25 % → 25: rates have at most two decimals. */
function hundredths(ratePercent: number): number {
  return Math.round(ratePercent * 100);
}
