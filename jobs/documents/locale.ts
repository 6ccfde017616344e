/** Languages that documents are printed in, as BCP 47 tags. Not every template speaks both: see its `locales`. */
export const locales = ["en-IN", "hi-IN"] as const;
export type Locale = (typeof locales)[number];

/** Used when a request names none. */
export const defaultLocale: Locale = "en-IN";
