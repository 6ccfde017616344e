import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { fixtures, invoiceOf } from "#jobs/documents/templates/tax-invoice/fixtures.ts";
import { gstRates, type TaxInvoice, taxInvoiceInputs } from "#jobs/documents/templates/tax-invoice/inputs.ts";
import { taxInvoiceTotals } from "#jobs/documents/templates/tax-invoice/tax.ts";

const example = fixtures[0]!.userInputs as TaxInvoice;

test("the example of issue 2 adds up as stated there", () => {
  const totals = taxInvoiceTotals(example);
  assert.equal(totals.isInterState, true);
  assert.deepEqual(
    totals.lines.map(({ taxable, tax, amount }) => [taxable, tax.igst, amount]),
    [
      [375_000, 67_500, 442_500],
      [14_995_075, 2_699_114, 17_694_189],
    ],
  );
  assert.deepEqual([totals.total, totals.roundOff, totals.grandTotal], [18_136_689, 11, 18_136_700]);
});

test("within one state the tax is two halves and the odd paisa goes to CGST", () => {
  const totals = taxInvoiceTotals({ ...example, placeOfSupply: "27" });
  assert.equal(totals.isInterState, false);
  assert.deepEqual(totals.lines[1]!.tax, { total: 2_699_114, igst: 0, cgst: 1_349_557, sgst: 1_349_557 });
  const line = { ...example.lines[0]!, quantity: "1", unitPricePaise: 100, gstRatePercent: 5 as const };
  const odd = taxInvoiceTotals({ ...example, placeOfSupply: "27", lines: [line] });
  assert.deepEqual(odd.tax, { total: 5, igst: 0, cgst: 3, sgst: 2 });
});

test("fractional rates are exact", () => {
  const line = { ...example.lines[0]!, quantity: "1", unitPricePaise: 1_000_000 };
  const taxAt = (gstRatePercent: (typeof gstRates)[number]) =>
    taxInvoiceTotals({ ...example, lines: [{ ...line, gstRatePercent }] }).tax.total;
  assert.deepEqual(
    gstRates.map(taxAt),
    gstRates.map((rate) => Math.round(rate * 10_000)),
  );
});

test("for any invoice, the parts add up to the whole", () => {
  const line = fc.record({
    description: fc.constant("x"),
    hsnSac: fc.constantFrom("9983", "998314"),
    quantity: fc.constantFrom("1", "0.001", "2.5", "999.999", "12345"),
    unit: fc.constant("NOS"),
    unitPricePaise: fc.integer({ min: 0, max: 50_000_000 }),
    gstRatePercent: fc.constantFrom(...gstRates),
  });
  const lines = fc.array(line, { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(lines, fc.constantFrom("27", "29"), (lines, placeOfSupply) => {
      const totals = taxInvoiceTotals({ ...example, placeOfSupply, lines });
      const { tax, taxable, byRate } = totals;
      assert.equal(tax.total, tax.igst + tax.cgst + tax.sgst);
      assert.equal(totals.total, taxable + tax.total);
      assert.equal(totals.grandTotal, totals.total + totals.roundOff);
      assert.equal(
        totals.total,
        totals.lines.reduce((sum, { amount }) => sum + amount, 0),
      );
      assert.equal(
        byRate.reduce((sum, rate) => sum + rate.taxable + rate.tax.total, 0),
        totals.total,
      );
      assert.ok(tax.cgst - tax.sgst >= 0 && tax.cgst - tax.sgst <= lines.length);
    }),
  );
});

test("the largest invoice that is accepted stays exact, and one paisa more is refused with its path", () => {
  const line = { ...example.lines[0]!, quantity: "1", gstRatePercent: 0 as const };
  const at = (unitPricePaise: number) => ({
    ...example,
    lines: [
      { ...line, unitPricePaise },
      { ...line, unitPricePaise: 1 },
    ],
  });
  const largest = taxInvoiceInputs.parse(at(9_999_999_999_998));
  assert.equal(taxInvoiceTotals(largest).total, 9_999_999_999_999);
  const paths = taxInvoiceInputs.safeParse(at(9_999_999_999_999)).error?.issues.map((issue) => issue.path.join("."));
  assert.deepEqual(paths, ["lines"]);
});

test("5,000 lines are accepted and 5,001 are not", () => {
  assert.ok(taxInvoiceInputs.safeParse(invoiceOf(5_000)).success);
  assert.ok(!taxInvoiceInputs.safeParse(invoiceOf(5_001)).success);
});
