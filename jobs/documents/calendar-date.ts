import type { Locale } from "./locale.ts";

/** Calendar days as documents print them. Not by Intl, whose output changes with the ICU of a Node release. */

const months: Readonly<Record<Locale, readonly string[]>> = {
  "en-IN": "January February March April May June July August September October November December".split(" "),
  "hi-IN": "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्तूबर नवंबर दिसंबर".split(" "),
};

/** "2026-11-05" → "5 November 2026", or "5 नवंबर 2026", with no-break spaces: a date is not split over two lines. */
export function formatDate(isoDate: string, locale: Locale): string {
  const [year = "", month = "", day = ""] = isoDate.split("-");
  return [Number(day), months[locale][Number(month) - 1], year].join("\u00A0");
}
