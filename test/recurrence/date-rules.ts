/** A rule of the wide set, and its parts by name, as text. */
export interface DateRule {
  readonly text: string;
  readonly parts: Readonly<Record<string, string>>;
}

const scale = "RSCALE=GREGORIAN";
const weekStarts = ["MO", "SU", "WE"];
const ends = ["", "COUNT=7", "UNTIL=20290331"];
const skips = ["", "SKIP=OMIT", "SKIP=BACKWARD", "SKIP=FORWARD"];
const workdays = "BYDAY=MO,TU,WE,TH,FR";

/** Every mix of one of each list, joined; those that RFC 5545 forbids are left out. An empty text is no part. */
function mixes(...lists: readonly (readonly string[])[]): DateRule[] {
  const texts = lists.reduce<string[][]>((all, list) => all.flatMap((one) => list.map((part) => [...one, part])), [[]]);
  return texts.flatMap((list) => {
    const given = list.filter((part) => part !== "").flatMap((part) => part.split(";"));
    const skip = given.some((part) => part.startsWith("SKIP"));
    const text = [...(skip ? [scale] : []), ...given].join(";");
    const parts = Object.fromEntries(text.split(";").map((part) => part.split("=") as [string, string]));
    const forbidden = parts.BYSETPOS && !/BY(?!SETPOS)/.test(text);
    return forbidden ? [] : [{ text, parts }];
  });
}

/** By what people use them for. */
export const dateRules: Readonly<Record<string, readonly DateRule[]>> = {
  "days of each month, and what SKIP makes of those that a month lacks": mixes(
    ["FREQ=MONTHLY"],
    ["", "INTERVAL=2", "INTERVAL=5", "INTERVAL=12"],
    ["", "BYMONTH=2", "BYMONTH=2,4,12"],
    ["", "29", "30", "31", "-1", "-31", "1,31", "30,31", "15,-1"].map((day) => day && `BYMONTHDAY=${day}`),
    skips,
    ends,
  ),
  "the nth weekday of a month, and the nth of several": mixes(
    ["FREQ=MONTHLY"],
    ["", "INTERVAL=2"],
    ["", "BYMONTH=3,9"],
    ["", "BYMONTHDAY=13", "BYMONTHDAY=1,2,3,-1"],
    ["BYDAY=MO", "BYDAY=2TU", "BYDAY=-1FR", "BYDAY=5TU", "BYDAY=2TU,4TU", "BYDAY=-5SU", workdays],
    ["", "BYSETPOS=1", "BYSETPOS=-1", "BYSETPOS=2,-2"],
    ends,
  ),
  "days of each year, 29 February among them": mixes(
    ["FREQ=YEARLY"],
    ["", "INTERVAL=2", "INTERVAL=3", "INTERVAL=4"],
    ["", "BYMONTH=2", "BYMONTH=1,4,7,10"],
    ["", "29", "31", "-1", "13,31"].map((day) => day && `BYMONTHDAY=${day}`),
    ["", "SKIP=BACKWARD", "SKIP=FORWARD"],
    ["", "BYSETPOS=-1"],
    ends,
  ),
  "weekdays of each year": mixes(
    ["FREQ=YEARLY"],
    ["", "INTERVAL=2"],
    ["", "BYMONTH=2", "BYMONTH=3,11", "BYMONTHDAY=13", "BYMONTH=5;BYMONTHDAY=1", "BYYEARDAY=1,100,366,-1"],
    ["BYDAY=MO", "BYDAY=1MO", "BYDAY=-1FR", "BYDAY=20MO", "BYDAY=53TH", "BYDAY=-53TH", "BYDAY=SA,SU"],
    ["", "BYSETPOS=1", "BYSETPOS=-2"],
  ),
  "days of the year by their number": mixes(
    ["FREQ=YEARLY"],
    ["", "INTERVAL=2", "INTERVAL=4"],
    ["BYYEARDAY=1", "BYYEARDAY=366", "BYYEARDAY=-366", "BYYEARDAY=60,100,-1"],
    ["", "BYMONTH=2,3", "BYMONTHDAY=29"],
    ends,
  ),
  "weeks of the year": mixes(
    ["FREQ=YEARLY"],
    ["", "INTERVAL=2", "INTERVAL=3"],
    ["BYWEEKNO=1", "BYWEEKNO=53", "BYWEEKNO=-1", "BYWEEKNO=1,9,52"],
    ["", "BYDAY=MO", "BYDAY=SA,SU", "BYDAY=SA,SU;BYSETPOS=1", "BYMONTH=12", "BYMONTHDAY=1", "BYYEARDAY=60"],
    weekStarts.map((day) => `WKST=${day}`),
    ends,
  ),
  "weekdays of each week, which begins on any day": mixes(
    ["FREQ=WEEKLY"],
    ["", "INTERVAL=2"],
    ["", "BYMONTH=2,8"],
    ["", "BYDAY=MO,WE,FR", "BYDAY=TU,SU", "BYDAY=SA,SU,MO"],
    weekStarts.map((day) => `WKST=${day}`),
    ["", "BYSETPOS=-1", "BYSETPOS=2"],
    ends,
  ),
  "every so many days": mixes(
    ["FREQ=DAILY"],
    ["", "INTERVAL=2", "INTERVAL=10", "INTERVAL=100"],
    ["", "BYMONTH=2,8"],
    ["", "BYMONTHDAY=31", "BYMONTHDAY=-1,15"],
    ["", "BYDAY=MO", workdays],
    ends,
  ),
};
