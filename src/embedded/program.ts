import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** A program of this machine, ready to be spawned. */
export interface Program {
  readonly command: string;
  /** The whole environment it needs, not an addition to ours. */
  readonly env: NodeJS.ProcessEnv;
}

/** First executable of that name on the PATH of `env`, as the shell would find it. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  for (const dir of (env.PATH ?? env.Path ?? "").split(delimiter).filter(Boolean)) {
    const candidate = join(dir, file);
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** What the program prints when asked for its version, or undefined when it does not run. */
export async function versionOf(program: Program, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program.command, ["--version"], {
      env: program.env,
      timeout: 10_000,
      ...(signal && { signal }),
    });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
