/**
 * The code points that the embedded fonts can draw, as hexadecimal ranges copied from their `cmap` tables, so that the API
 * process can refuse text at the door without parsing 1.7 MB of fonts. `test/documents/coverage.test.ts` compares both.
 * Fonts: @expo-google-fonts/noto-sans 0.4.2 and /noto-sans-devanagari 0.4.1; regular and bold cover the same.
 */
const latinRanges = `0 d 20-7e a0-377 37a-37f 384-38a 38c 38e-3a1 3a3-3e1 3f0-52f 900-97f 10fb 1ab0-1ac0 1ac5 1ac7-1ace
1c80-1c88 1d00-1df9 1dfb-1f15 1f18-1f1d 1f20-1f45 1f48-1f4d 1f50-1f57 1f59 1f5b 1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fc4 1fc6-1fd3
1fd6-1fdb 1fdd-1fef 1ff2-1ff4 1ff6-1ffe 2000-2064 2066-2071 2074-208e 2090-209c 20a0-20c0 20f0 2100-215f 2183-2184 2189 2212
25cc 2c60-2c7f 2de0-2e5d a640-a69f a700-a7ca a7d0-a7d1 a7d3 a7d5-a7d9 a7f2-a7ff a8ff a92e ab30-ab6b fb00-fb06 fe00 fe20-fe2f
feff fffc-fffd 10780-10785 10787-107b0 107b2-107ba 1df00-1df1e`;

const devanagariRanges = `d 20-7e a0-a3 a5 a7-ab ad-b0 b4 b6-b8 ba-bb bf-107 10a-113 116-11b 11e-123 126-127 12a-12b 12e-131
136-137 139-13e 141-148 150-155 158-15b 15e-161 164-165 16a-16b 16e-17e 218-21b 237 2bc 2c6-2c7 2c9 2d8-2dd 300-304 306-308
30a-30c 326-328 900-97f 1cd0-1cf6 1cf8-1cf9 1e80-1e85 1e9e 1ef2-1ef3 200b-200d 2010 2013-2014 2018-201a 201c-201e 2022 2026
2039-203a 20ac 20b9 20f0 2122 2212 25cc a830-a839 a8e0-a8ff 11b00-11b09`;

/** A family of embedded fonts, each in regular and bold. */
export type FontFamily = "latin" | "devanagari";

/** Whether a family has a glyph for the code point. Having one does not make a character fit to print: see coverage.ts. */
export function covers(family: FontFamily, codePoint: number): boolean {
  const starts = family === "latin" ? latin : devanagari;
  let low = 0;
  let high = starts.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle * 2]! <= codePoint) low = middle + 1;
    else high = middle;
  }
  return low > 0 && codePoint <= starts[low * 2 - 1]!;
}

/** First and last code point of each range, ascending and flattened. */
function parse(ranges: string): readonly number[] {
  return ranges.split(/\s+/).flatMap((range) => {
    const [first = "", last = first] = range.split("-");
    return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
  });
}

const latin = parse(latinRanges);
const devanagari = parse(devanagariRanges);
