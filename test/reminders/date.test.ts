import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { dayIn, instantOf, isDate, isZone, wallClock } from "../../src/reminders/date.ts";

const utc = (date: string, time: string, zone: string) =>
  new Date(instantOf(date, time, zone)).toISOString().slice(0, 16);

describe("the hour is the recipient's", () => {
  test("02:30 on the night it does not exist is the first instant after the gap", () => {
    assert.equal(utc("2026-03-08", "02:30", "America/New_York"), "2026-03-08T07:00");
    assert.equal(
      wallClock("America/New_York", instantOf("2026-03-08", "02:30", "America/New_York")),
      "2026-03-08T03:00",
    );
    assert.equal(utc("2026-03-29", "02:30", "Europe/Berlin"), "2026-03-29T01:00");
  });
  test("01:30 on the night it comes twice is the first of the two", () => {
    assert.equal(utc("2026-11-01", "01:30", "America/New_York"), "2026-11-01T05:30");
    assert.equal(utc("2026-10-25", "02:30", "Europe/Berlin"), "2026-10-25T00:30");
  });
  test("the minutes before and after either are what they look like", () => {
    assert.equal(utc("2026-03-08", "01:59", "America/New_York"), "2026-03-08T06:59");
    assert.equal(utc("2026-03-08", "03:00", "America/New_York"), "2026-03-08T07:00");
    assert.equal(utc("2026-11-01", "02:00", "America/New_York"), "2026-11-01T07:00");
  });
  test("09:00 in Nepal, +05:45", () => assert.equal(utc("2026-11-20", "09:00", "Asia/Kathmandu"), "2026-11-20T03:15"));
  test("a gap of half an hour (Lord Howe) and a day that a zone never had (Samoa)", () => {
    assert.equal(utc("2026-10-04", "02:15", "Australia/Lord_Howe"), "2026-10-03T15:30");
    assert.equal(utc("2011-12-30", "09:00", "Pacific/Apia"), "2011-12-30T10:00");
  });
});

test("which day it is depends on where", () => {
  const at = Date.parse("2026-11-20T18:20:00Z");
  assert.equal(dayIn("Asia/Kathmandu", at), "2026-11-21");
  assert.equal(dayIn("Asia/Kolkata", at), "2026-11-20");
  assert.equal(dayIn("America/Mexico_City", at), "2026-11-20");
});

test("days and zones that do not exist", () => {
  for (const text of [
    "2026-02-30",
    "2026-13-01",
    "2025-02-29",
    "2026-1-1",
    "today",
    "0000-01-01",
    "9999-01-01",
    "2026-11-20T00:00",
  ])
    assert.equal(isDate(text), false, text);
  for (const text of ["2028-02-29", "2026-12-31"]) assert.equal(isDate(text), true, text);
  for (const zone of ["Mars/Olympus", "+05:30", "", "Asia", "../etc/passwd", "Asia/Kolkata "])
    assert.equal(isZone(zone), false, zone);
  for (const zone of ["Asia/Kathmandu", "UTC", "America/Argentina/Buenos_Aires"])
    assert.equal(isZone(zone), true, zone);
});
