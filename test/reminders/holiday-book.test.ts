import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { addBusinessDays, isBusinessDay, rolled } from "../../src/reminders/business-day.ts";
import { HolidayBook } from "../../src/reminders/holiday-book.ts";

const refusals: string[] = [];
const log = {
  debug() {},
  info() {},
  warn() {},
  error: (_fields: object, event: string) => void refusals.push(event),
  child: () => log,
};

async function withBook(
  work: (book: HolidayBook, write: (name: string, text: string) => Promise<void>) => Promise<void>,
) {
  const dir = await mkdtemp(join(tmpdir(), "nightshift-holidays-"));
  try {
    await work(new HolidayBook({ dir, log }), (name, text) => writeFile(join(dir, name), text));
  } finally {
    await rm(dir, { recursive: true });
  }
}
const file = (add: string[], remove: string[] = []) =>
  JSON.stringify({
    source: "test",
    reviewedOn: "2026-01-01",
    add: add.map((date) => ({ date, name: "Added" })),
    remove: remove.map((date) => ({ date, why: "Removed" })),
  });

test("countries, their states, and what is no calendar", () =>
  withBook(async (book) => {
    for (const calendar of ["IN", "IN-MH", "GB-ENG", "US-NY", "DE-BE"]) assert.ok(book.knows(calendar), calendar);
    for (const calendar of ["ZZ", "IN-ZZ", "in", "", "__proto__", "IN-MH-1"])
      assert.ok(!book.knows(calendar), calendar);
    assert.ok(!isBusinessDay("2026-12-28", book.daysOff("GB-ENG")), "a substitute day is a day off");
    assert.ok(isBusinessDay("2026-12-28", book.daysOff("IN")));
    assert.ok(!isBusinessDay("2026-11-24", book.daysOff("IN-MH")), "a country's override file holds for its states");
    assert.ok(isBusinessDay("2026-01-26", book.daysOff(null)), "no calendar: weekends only");
  }));

test("a roll goes over holidays and weekends; business days are counted from the day itself", () =>
  withBook(async (book) => {
    const india = book.daysOff("IN");
    assert.equal(rolled("2026-10-02", "following", india), "2026-10-05");
    assert.equal(rolled("2026-10-04", "preceding", india), "2026-10-01");
    assert.equal(rolled("2026-10-02", "none", india), "2026-10-02");
    assert.equal(addBusinessDays("2026-10-04", -1, india), "2026-10-01"); // a Sunday; Friday is Gandhi Jayanti
    assert.equal(addBusinessDays("2026-10-01", 1, india), "2026-10-05");
    assert.equal(addBusinessDays("2026-10-04", 0, india), "2026-10-04");
  }));

test("override files add and remove days as soon as they change; one that cannot be read changes nothing and is logged", () =>
  withBook(async (book, write) => {
    const before = book.version("IN");
    await write("IN.json", file(["2026-06-30"], ["2026-01-26"]));
    book.refresh();
    assert.notEqual(book.version("IN"), before);
    assert.ok(!isBusinessDay("2026-06-30", book.daysOff("IN")));
    assert.ok(isBusinessDay("2026-01-26", book.daysOff("IN")));
    assert.equal(
      book.version("GB-ENG"),
      new HolidayBook({ dir: "", log }).version("GB-ENG"),
      "other calendars are as they were",
    );
    const version = book.version("IN");
    await write("IN.json", '{"source": ');
    await write("moon.json", file([]));
    book.refresh();
    assert.deepEqual(refusals, ["holidays.file_refused", "holidays.file_refused"]);
    assert.equal(book.version("IN"), version);
    assert.ok(!isBusinessDay("2026-06-30", book.daysOff("IN")));
  }));

test("what the operator says of a day holds over what we ship, and a state over its country", () =>
  withBook(async (book, write) => {
    const off = (day: string, calendar = "IN") => !isBusinessDay(day, book.daysOff(calendar));
    assert.ok(off("2026-05-27"), "Bakrid, in the file that we ship");
    await write("IN.json", file(["2026-05-28", "2026-09-09"], ["2026-05-27"])); // the moon was seen a day later
    await write("IN-MH.json", file([], ["2026-09-09"]));
    book.refresh();
    assert.deepEqual([off("2026-05-27"), off("2026-05-28"), off("2026-11-24")], [false, true, true]);
    assert.deepEqual([off("2026-05-27", "IN-MH"), off("2026-05-28", "IN-MH")], [false, true]);
    assert.deepEqual([off("2026-09-09"), off("2026-09-09", "IN-MH"), off("2026-09-09", "IN-KA")], [true, false, true]);
  }));

test("with another version of the library each calendar has another version; without a calendar there is none", () => {
  const book = (library?: string) => new HolidayBook({ dir: "", log, ...(library !== undefined && { library }) });
  const require = createRequire(import.meta.url);
  const [data, parser] = ["date-holidays", "date-holidays-parser"].map(
    (name) => require(`${name}/package.json`).version,
  );
  assert.equal(book(`${data} ${parser}`).version("IN"), book().version("IN"));
  for (const calendar of ["IN", "GB-ENG"])
    assert.equal(
      new Set([book(), book("3.36.0 1.0.0"), book("3.38.0 1.0.0")].map((one) => one.version(calendar))).size,
      3,
    );
  assert.equal(book("3.36.0 1.0.0").version(null), "");
});
