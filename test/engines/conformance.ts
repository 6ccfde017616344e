import { afterAll, beforeAll, describe } from "vitest";
import { censusConforms } from "./census.ts";
import { consumersConform } from "./consumers.ts";
import { countsConform } from "./counts.ts";
import { dispatchConforms } from "./dispatch.ts";
import { leasesConform } from "./leases.ts";
import { removalConforms } from "./removal.ts";
import type { Stage } from "./stage.ts";
import { verdictsConform } from "./verdicts.ts";

/**
 * What Nightshift expects of an engine (`src/engines/engine.ts`), whichever it is. Each test has a queue of its own on the
 * stage's engine; `cleanUp` takes away the prefix or schema they shared.
 */
export function conform(stage: Stage, cleanUp: () => Promise<void>): void {
  beforeAll(() => stage.engine.start([]));
  afterAll(async () => {
    await stage.engine.stop();
    await cleanUp();
  });
  describe("dispatch", () => dispatchConforms(stage));
  describe("verdicts", () => verdictsConform(stage));
  describe("remove and forget", () => removalConforms(stage));
  describe("counts", () => countsConform(stage));
  describe("consumers", () => consumersConform(stage));
  describe("census and pauses", () => censusConforms(stage));
  describe("leases", () => leasesConform(stage));
}
