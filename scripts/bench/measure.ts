import { ratio, type Spread, spread } from "./spread.ts";
import type { Stage } from "./stage.ts";

/** One part of the bench: compares two or more ways of doing one thing, in interleaved rounds. */
export interface Measure {
  /** For `--only`. */
  readonly name: string;
  /** What is compared, for the table. */
  readonly title: string;
  run(stage: Stage): Promise<readonly Row[]>;
}

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  /** Nightshift's, per round. */
  readonly value: Spread;
  /** What it is held against. */
  readonly reference?: { readonly name: string; readonly value: Spread };
  /** `value` over `reference`, taken round by round. */
  readonly ratio?: Spread;
  readonly target?: Target;
}

/** What is asked of a row's ratio or of its value. */
export interface Target {
  readonly of: "ratio" | "value";
  readonly least?: number;
  readonly most?: number;
}

/** A row whose two sides were sampled in the same rounds. */
export function compare(
  row: { readonly what: string; readonly unit: string; readonly target?: Target | undefined },
  ours: readonly number[],
  reference: { readonly name: string; readonly values: readonly number[] },
): Row {
  const { target, ...rest } = row;
  return {
    ...rest,
    value: spread(ours),
    reference: { name: reference.name, value: spread(reference.values) },
    ratio: ratio(ours, reference.values),
    ...(target && { target }),
  };
}

/** Judged by the median; `null` when nothing is asked. */
export function isMet({ target, ratio, value }: Row): boolean | null {
  if (!target) return null;
  const { median } = target.of === "ratio" ? ratio! : value;
  return median >= (target.least ?? Number.NEGATIVE_INFINITY) && median <= (target.most ?? Number.POSITIVE_INFINITY);
}
