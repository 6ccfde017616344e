import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { tool } from "../rig/tools.ts";

const run = promisify(execFile);

/** What the last `curl` of a command was answered. */
export interface Answered {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A shell that a reader of a page sits at: what one command assigns, the next one knows. */
export interface Terminal extends Disposable {
  /** Run a command. Rejects when it exits with anything but 0. Null when it asked nothing. */
  type(command: string): Promise<Answered | null>;
}

/**
 * Open a shell in a directory of its own, from which `docs/` is seen. What a reader has done before is done: `npm start` and
 * `npm run seed` say nothing, and `npm run key` prints the key that `keyOf` made for its tenant and role; any other npm
 * command fails, as does one for a key that was not made.
 */
export async function openTerminal(keyOf: Readonly<Record<string, string>>): Promise<Terminal> {
  const dir = mkdtempSync(join(tmpdir(), "nightshift-page-"));
  symlinkSync(resolve("docs"), join(dir, "docs"));
  mkdirSync(join(dir, "keys"));
  for (const [name, key] of Object.entries(keyOf)) writeFileSync(join(dir, "keys", name), key);
  const { command: curl, env } = await tool("curl");
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  writeFileSync(join(dir, "variables"), "");
  const before = `set -eu
set -a
. ./variables
npm() {
  case "$*" in
    start | "run seed") ;;
    "run --silent key -- --name "*) shift 5; cat "keys/$3.$5" ;;
    *) echo "npm $*: not a command of these pages" >&2; return 1 ;;
  esac
}
curl() { '${curl}' --silent --show-error --max-time 90 --dump-header answer.headers "$@" | tee answer.body; }
`;
  const after = "\nexport -p > variables\n";
  return {
    async type(command) {
      for (const file of ["answer.headers", "answer.body"]) rmSync(join(dir, file), { force: true });
      writeFileSync(join(dir, "command"), `${before}${command}${after}`);
      // Into files: where a page writes to /dev/stderr, a socket would not do.
      await run("sh", ["-c", "sh ./command > out 2> err"], { cwd: dir, env: { ...env, PATH: path } }).catch((error) => {
        throw new Error(`The command failed: ${readFileSync(join(dir, "err"), "utf8")}`, { cause: error });
      });
      if (!existsSync(join(dir, "answer.headers"))) return null;
      return readAnswered(
        readFileSync(join(dir, "answer.headers"), "utf8"),
        readFileSync(join(dir, "answer.body"), "utf8"),
      );
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** The last head that was written: a request may have been told to continue before. */
function readAnswered(heads: string, body: string): Answered {
  const [first = "", ...lines] = heads
    .trim()
    .split(/\r?\n\r?\n/)
    .at(-1)!
    .split(/\r?\n/);
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(first.split(" ")[1]), headers: new Map(headers), body };
}
