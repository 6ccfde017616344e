import type { Respond } from "#jobs/ai/respond.job.ts";

/** What the people of a compliance platform ask. The context is what their help desk would send along. */

const context =
  "GSTR-1 is filed monthly, by the 11th of the next month. GSTR-3B follows by the 20th, with the payment. " +
  "GSTR-9 is the annual return, due on 31 December. A SOC 2 audit wants evidence of quarterly access reviews.";

function question(message: string): Respond {
  return { message, context, purpose: "help-desk" };
}

/** Asked alone, while the second provider says when to come back. */
export const first = question("When is GSTR-1 for October due?");

/** Asked at once. */
export const several = [
  "When is GSTR-3B due?",
  "What is due on 31 December?",
  "How often are access rights reviewed?",
  "Is the payment due together with GSTR-3B?",
].map(question);

/** Asked once more, word for word. */
export const again = several[0]!;

/** Asked while the second provider wants to be left alone for long. */
export const overflow = question("Which return comes after GSTR-1?");

/** Asked while no provider answers. */
export const unanswered = question("When is GSTR-9 due?");
