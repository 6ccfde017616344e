import { defineSchedule } from "#core/schedule.ts";
import { verifyDocuments } from "./verify-documents.job.ts";

/** Every stored document of every tenant, at night by the installation's clock (`TIME_ZONE`). */
export const verifyDocumentsNightly = defineSchedule({
  name: "operations.verify-documents-nightly",
  job: verifyDocuments,
  payload: {},
  cron: "30 3 * * *", // after the hour that most zones skip or repeat
  overlap: "skip",
  missed: "once",
});
