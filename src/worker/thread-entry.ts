import { workerData } from "piscina";
import { NightshiftError, summarize } from "#core/errors.ts";

/** One call across the thread border. */
export interface ThreadTask {
  readonly module: string;
  readonly input: unknown;
}

export type ThreadAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly error: {
        readonly code: string;
        readonly message: string;
        readonly details: Readonly<Record<string, unknown>>;
        readonly permanent: boolean;
      };
    };

// A module that does not load is reported by the task that needs it, not here.
await Promise.allSettled(((workerData as { warm: string[] } | null)?.warm ?? []).map((module) => import(module)));

/** Runs inside a thread: loads the module once (it stays warm) and calls its exported `run`. */
export default async function entry({ module, input }: ThreadTask): Promise<ThreadAnswer> {
  try {
    const { run } = (await import(module)) as { run: (input: unknown) => Promise<unknown> };
    return { ok: true, value: await run(input) };
  } catch (thrown) {
    const { code, message, details } = summarize(thrown);
    const permanent = thrown instanceof NightshiftError && thrown.permanent;
    return { ok: false, error: { code, message, details: details ?? {}, permanent } };
  }
}
