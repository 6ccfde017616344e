import type { Roll } from "../business-day.ts";
import type { DateText } from "../date.ts";
import type { Offset } from "../obligation.ts";

/** One duty of a calendar: what becomes an obligation of a company. */
export interface CalendarRule {
  /** Its name within the calendar, for ever: applying a calendar twice finds what it made by this. */
  readonly key: string;
  readonly title: string;
  readonly kind: string;
  readonly rrule: string;
  /** The first day on which it may fall due; default: the day it is applied. */
  readonly from?: DateText;
  readonly roll: Roll;
  readonly offsets: readonly Offset[];
  /** Whom it concerns, where not everybody. Rules with a `when` are applied by name alone. */
  readonly when?: string;
  readonly source: string;
}

/** Duties that somebody has looked up. Dated data, no advice: authorities extend dates and change forms. */
export interface ComplianceCalendar {
  /** `in-gst`: permanent. */
  readonly id: string;
  readonly title: string;
  readonly timeZone: string;
  /** Holiday calendar for business days and rolls. */
  readonly holidays: string | null;
  /** The first day for which this version is right. */
  readonly validFrom: DateText;
  /** When somebody last compared it with its sources. */
  readonly reviewedOn: DateText;
  readonly rules: readonly CalendarRule[];
}

const days = (...counts: number[]): Offset[] => counts.map((count) => ({ days: count, unit: "calendar" }));

/** For what comes each month: a week of notice. */
export const monthlyOffsets = days(-7, -2, 0);
/** For what comes each quarter, half year or year. */
export const rareOffsets = days(-30, -14, -7, -1, 0);
/** For small things that come each week. */
export const weeklyOffsets = days(0);
