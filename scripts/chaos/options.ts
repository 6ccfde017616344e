import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { minutes, seconds } from "#core/duration.ts";
import { type FaultKind, faultKinds } from "./plan.ts";

export const usage = `Break a Nightshift of its own in every way it promises to survive, then count.

  npm run chaos -- --minutes 5 --seed 7

  --minutes, --seconds   how long faults come (default: 1 minute)
  --seed                 a number: the same one gives the same faults in the same order (default: a new one, printed)
  --rate                 jobs asked for per second (default 20)
  --faults               only these, by commas: ${faultKinds.join(", ")}
  --patience             seconds that jobs may take to end after the last fault (default 60)
  --plan                 print the faults and stop
  --keep                 keep the data and the logs, also of a run that passed
`;

export interface ChaosOptions {
  readonly durationMs: number;
  readonly seed: number;
  readonly ratePerS: number;
  readonly kinds: readonly FaultKind[];
  readonly patienceMs: number;
  readonly planOnly: boolean;
  readonly keep: boolean;
}

/** Throws an Error that says what was expected. */
export function readOptions(args: readonly string[]): ChaosOptions {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: text,
      seconds: text,
      seed: text,
      rate: text,
      faults: text,
      patience: text,
      plan: flag,
      keep: flag,
    },
  });
  const number = (name: "minutes" | "seconds" | "seed" | "rate" | "patience", least: number, most: number) => {
    const given = values[name];
    if (given === undefined) return undefined;
    const value = Number(given);
    if (given.trim() !== "" && value >= least && value <= most) return value;
    throw new RangeError(`Expected --${name} to be a number from ${least} to ${most}, found "${given}"`);
  };
  const inMinutes = number("minutes", 0.1, 24 * 60);
  const kinds = values.faults?.split(",").map((name) => name.trim());
  const unknown = kinds?.filter((name) => !(faultKinds as string[]).includes(name)) ?? [];
  if (unknown.length > 0)
    throw new RangeError(`Expected --faults to be of ${faultKinds.join(", ")}, found ${unknown.join(", ")}`);
  return {
    durationMs: inMinutes === undefined ? seconds(number("seconds", 5, 86_400) ?? 60) : minutes(inMinutes),
    seed: Math.floor(number("seed", 0, 2 ** 32 - 1) ?? randomInt(2 ** 32 - 1)),
    ratePerS: number("rate", 1, 500) ?? 20,
    kinds: (kinds as FaultKind[] | undefined) ?? faultKinds,
    patienceMs: seconds(number("patience", 1, 600) ?? 60),
    planOnly: values.plan,
    keep: values.keep,
  };
}
