import { PermanentError } from "../../../src/core/errors.ts";

class Refused extends PermanentError {
  readonly code = "refused_here";
}

export async function run({ permanent }: { permanent: boolean }): Promise<never> {
  if (permanent) throw new Refused("Expected nothing, found something", { path: "a.b" });
  throw new Error("with a secret inside");
}
