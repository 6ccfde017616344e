import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { debianCache, fetchDebianPackages, type PackageTree } from "../../src/embedded/debian.ts";
import { findOnPath, type Program } from "../../src/embedded/program.ts";

export type ToolName = "pdfinfo" | "pdftotext" | "pdftoppm" | "pdffonts" | "curl" | "qpdf" | "chromium";

interface Recipe {
  /** Names on PATH, the first that runs wins. */
  readonly names: readonly string[];
  readonly packages: readonly string[];
  /** The program inside the unpacked packages. */
  readonly path: string;
  readonly timeoutMs?: number;
  readonly prepare?: (tree: PackageTree) => NodeJS.ProcessEnv;
}

const poppler = (name: string): Recipe => ({ names: [name], packages: ["poppler-utils"], path: `usr/bin/${name}` });

const recipes: Record<ToolName, Recipe> = {
  pdfinfo: poppler("pdfinfo"),
  pdftotext: poppler("pdftotext"),
  pdftoppm: poppler("pdftoppm"),
  pdffonts: poppler("pdffonts"),
  curl: { names: ["curl"], packages: ["curl"], path: "usr/bin/curl" },
  qpdf: { names: ["qpdf"], packages: ["qpdf"], path: "usr/bin/qpdf" },
  chromium: {
    names: ["chromium", "chromium-browser", "google-chrome"],
    packages: ["chromium", "fonts-dejavu-core"], // without any font it starts all the same and draws no text
    path: "usr/lib/chromium/chromium", // usr/bin/chromium is a script that knows only the installed place
    timeoutMs: 300_000, // 124 MB
    prepare: fontsOf,
  },
};

const found = new Map<ToolName, Promise<Program>>();

/**
 * A program that tests look at results with: from PATH, else taken from Debian's or Ubuntu's packages into the cache of
 * this user, without installing. For playwright-core: `chromium.launch({ executablePath: command, env, args: ["--no-sandbox"] })`.
 */
export function tool(name: ToolName): Promise<Program> {
  const program = found.get(name) ?? find(recipes[name]);
  found.set(name, program);
  return program;
}

async function find({ names, packages, path, timeoutMs = 60_000, prepare }: Recipe): Promise<Program> {
  const { env } = process;
  for (const name of names) {
    const command = findOnPath(name, env);
    if (command && (await runs({ command, env }))) return { command, env };
  }
  const inTree = (tree: PackageTree): Program => ({
    command: join(tree.root, path),
    env: { ...tree.env, ...prepare?.(tree) },
  });
  const works = (tree: PackageTree) => runs(inTree(tree));
  const cacheDir = debianCache(env);
  return inTree(await fetchDebianPackages({ packages, cacheDir, env, works, timeoutMs, log: stderrLog }));
}

/** Poppler's programs take `-v`, all others `--version`; Poppler's exit with a complaint about anything else. */
function runs({ command, env }: Program): Promise<boolean> {
  const flag = /pdf(info|to|fonts)/.test(command) ? "-v" : "--version";
  return promisify(execFile)(command, [flag], { env, timeout: 20_000 }).then(
    () => true,
    () => false,
  );
}

/** The fonts of the tree besides those of the system, of which a bare machine has none. */
function fontsOf({ root }: PackageTree): NodeJS.ProcessEnv {
  const config = join(root, "fonts.conf");
  const includes = ["/etc/fonts/fonts.conf", join(root, "etc/fonts/fonts.conf")];
  writeFileSync(
    config,
    `<?xml version="1.0"?>
<fontconfig>
${includes.map((file) => `  <include ignore_missing="yes">${file}</include>`).join("\n")}
  <dir>${join(root, "usr/share/fonts")}</dir>
  <cachedir>${join(root, "font-cache")}</cachedir>
</fontconfig>
`,
  );
  return { FONTCONFIG_FILE: config };
}

const print = (fields: object, event: string) => process.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
const stderrLog = { info: print, warn: print, error: print };
