import { Catalog } from "#core/catalog.ts";
import { catalog as production } from "../../../src/catalog.ts";
import { chaosJobs, chaosQueues } from "./jobs.ts";

/** What stands in for `src/catalog.ts` in the processes of a chaos run (`substitute.ts`): production's jobs and the chaos's. */
export const catalog = new Catalog(
  [...production.jobs, ...chaosJobs],
  [...production.queues, ...chaosQueues],
  production.schedules,
);
