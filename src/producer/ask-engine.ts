import { StoreUnavailable } from "#core/errors.ts";
import type { Engine } from "../engines/engine.ts";

/** Ask an engine about a job, for somebody who waits for the answer. Rejects with StoreUnavailable when it does not answer. */
export async function askEngine<T>(engine: Engine, ask: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await ask(engine);
  } catch (error) {
    throw new StoreUnavailable(engine.kind, error);
  }
}
