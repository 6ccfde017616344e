import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Holidays from "date-holidays";
import { z } from "zod";
import type { Log } from "#core/handler.ts";
import type { DaysOff } from "./business-day.ts";
import { addDays, type DateText, isDate } from "./date.ts";

const shippedDir = fileURLToPath(new URL("./holiday-files", import.meta.url));
const idPattern = /^[A-Z]{2}(-[A-Z0-9]{1,5})?$/;
const date = z.string().refine(isDate, "Expected a day that exists");

/** What the library does not know, or knows wrongly. `<calendar>.json`; a country's file holds for its states as well. */
const overrideFile = z.strictObject({
  source: z.string().min(1),
  reviewedOn: date,
  add: z.array(z.strictObject({ date, name: z.string().min(1) })).default([]),
  remove: z.array(z.strictObject({ date, why: z.string().min(1) })).default([]),
});
type OverrideFile = z.output<typeof overrideFile>;

interface Override {
  readonly calendar: string;
  /** Of its directory: ours is 0. */
  readonly rank: number;
  readonly hash: string;
  readonly file: OverrideFile;
}

const ours = createRequire(import.meta.url);
const theirs = createRequire(ours.resolve("date-holidays"));
/** Of the library's data, and of its part that reckons the movable days. */
const installed = `${ours("date-holidays/package.json").version} ${theirs("date-holidays-parser/package.json").version}`;

/** No days off but weekends: for obligations that name no calendar. */
export const weekendsOnly: DaysOff = { has: () => false };

/**
 * Holidays by calendar (`IN`, `GB-ENG`, `US-NY`): public and bank holidays of the date-holidays library, and on top of them
 * the override files that we ship and those in the operator's directory. What the operator's say of a day holds, and what a
 * state's says holds over its country's. A file that changes, comes or goes counts from the next `refresh`; one that cannot
 * be read is logged, and what it said before stays.
 */
export class HolidayBook {
  readonly #dirs: readonly string[];
  readonly #log: Log;
  readonly #library = new Holidays();
  readonly #libraryVersion: string;
  readonly #calendars = new Map<string, DaysOff>();
  readonly #versions = new Map<string, string>();
  #overrides = new Map<string, Override>();
  #seen = "";

  /** `library`: the version of what knows the days, when it is not the one that is installed. */
  constructor(options: { dir: string; log: Log; library?: string }) {
    this.#libraryVersion = options.library ?? installed;
    this.#dirs = options.dir === "" ? [shippedDir] : [shippedDir, options.dir];
    this.#log = options.log;
    this.refresh();
  }

  /** Whether there is such a calendar. */
  knows(calendar: string): boolean {
    const [country = "", state] = calendar.split("-");
    if (!idPattern.test(calendar) || !(country in this.#library.getCountries())) return false;
    return state === undefined || state in (this.#library.getStates(country) ?? {});
  }

  /** Look whether a file has changed. Cheap when none has. */
  refresh(): void {
    const files = this.#dirs.flatMap((dir, rank) => jsonFiles(dir).map((one) => ({ ...one, rank })));
    const seen = files.map(({ path, stamp }) => `${path} ${stamp}`).join("\n");
    if (seen === this.#seen) return;
    this.#overrides = new Map(files.flatMap(({ path, calendar, rank }) => this.#read(path, calendar, rank)));
    this.#calendars.clear();
    this.#versions.clear();
    this.#seen = seen;
  }

  /** `null`: weekends only. */
  daysOff(calendar: string | null): DaysOff {
    if (calendar === null) return weekendsOnly;
    const known = this.#calendars.get(calendar);
    if (known) return known;
    const made = this.#make(calendar);
    this.#calendars.set(calendar, made);
    return made;
  }

  /** Changes whenever the override files of the calendar do, and with each version of the library: either may know other days. */
  version(calendar: string | null): string {
    if (calendar === null) return "";
    const known = this.#versions.get(calendar);
    if (known !== undefined) return known;
    const hashes = this.#overridesOf(calendar).map(({ hash }) => hash);
    const version = createHash("sha256")
      .update([this.#libraryVersion, ...hashes].join("\n"))
      .digest("hex")
      .slice(0, 16);
    this.#versions.set(calendar, version);
    return version;
  }

  #make(calendar: string): DaysOff {
    const [country = "", state] = calendar.split("-");
    const library = state === undefined ? new Holidays(country) : new Holidays(country, state);
    const years = new Map<string, ReadonlySet<DateText>>();
    const overridden = new Map<DateText, boolean>();
    for (const { file } of this.#overridesOf(calendar)) {
      for (const { date: day } of file.remove) overridden.set(day, false);
      for (const { date: day } of file.add) overridden.set(day, true);
    }
    return {
      has(day) {
        const year = day.slice(0, 4);
        const known = years.get(year) ?? daysOfYear(library, Number(year));
        years.set(year, known);
        return overridden.get(day) ?? known.has(day);
      },
    };
  }

  /** In the order in which they count, the last word last: ours before the operator's, and a country's before its state's. */
  #overridesOf(calendar: string): Override[] {
    const [country] = calendar.split("-");
    const found = [...this.#overrides.values()].filter((one) => one.calendar === country || one.calendar === calendar);
    return found.sort((a, b) => a.rank - b.rank || a.calendar.length - b.calendar.length);
  }

  #read(path: string, calendar: string, rank: number): [string, Override][] {
    try {
      if (!this.knows(calendar)) throw new RangeError("Expected a file named after a calendar, such as IN.json");
      const text = readFileSync(path, "utf8");
      const file = overrideFile.parse(JSON.parse(text));
      return [[path, { calendar, rank, file, hash: createHash("sha256").update(text).digest("hex") }]];
    } catch (error) {
      this.#log.error({ path, error: (error as Error).name }, "holidays.file_refused");
      const before = this.#overrides.get(path);
      return before ? [[path, before]] : [];
    }
  }
}

function jsonFiles(dir: string): { path: string; calendar: string; stamp: string }[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return []; // most operators have none
  }
  return names
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => {
      const path = join(dir, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat ? [{ path, calendar: name.slice(0, -5), stamp: `${stat.mtimeMs} ${stat.size} ${stat.ino}` }] : [];
    });
}

function daysOfYear(library: Holidays, year: number): ReadonlySet<DateText> {
  const found = library.getHolidays(year).filter(({ type }) => type === "public" || type === "bank");
  return new Set(
    found.flatMap(({ date: first, start, end }) => {
      const count = Math.max(1, Math.round((end.getTime() - start.getTime()) / 86_400_000));
      return Array.from({ length: count }, (_, index) => addDays(first.slice(0, 10), index));
    }),
  );
}
