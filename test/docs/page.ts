import { readFileSync } from "node:fs";

/** A fenced block of a page. */
interface Fence {
  readonly language: string;
  readonly text: string;
  /** The paragraph right above it, empty where there is none. */
  readonly above: string;
  /** Where it begins, counted from 1. */
  readonly line: number;
}

/** What the page says that the API answers. */
export interface ShownAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** As it stands there, shortened with `…`; empty where the page shows none. */
  readonly body: string;
}

/** A command of a page, and the answer that stands below it. */
export interface Step {
  /** `line 42: curl http://127.0.0.1:3000/v1/jobs …`: what a failed test is called. */
  readonly name: string;
  readonly command: string;
  /** The paragraph above says that it is "A minute later". */
  readonly aMinuteLater: boolean;
  readonly answer: ShownAnswer | null;
}

/**
 * Read the commands of a page: every block of `sh`, with the block of `http` that follows it. Throws where the page does not
 * keep to that: a request without its answer, an answer without its request, two requests in one block.
 */
export function readSteps(file: string): readonly Step[] {
  const fences = fencesOf(readFileSync(file, "utf8"));
  const steps: Step[] = [];
  for (const [index, { language, text, above, line }] of fences.entries()) {
    const next = fences[index + 1];
    if (language === "http" && fences[index - 1]?.language !== "sh")
      throw new Error(`${file}:${line}: expected the request right above its answer`);
    if (language !== "sh") continue;
    const requests = text.match(/\bcurl\b/g)?.length ?? 0;
    if (requests > 1) throw new Error(`${file}:${line}: expected one request in a block, found ${requests}`);
    if ((requests === 1) !== (next?.language === "http"))
      throw new Error(`${file}:${line}: expected a request and its answer, found one of them`);
    const [first = ""] = text.split("\n").filter((one) => requests === 0 || /\bcurl\b/.test(one));
    const answer = requests === 1 ? readAnswer(next!.text) : null;
    const name = `line ${line}: ${first.trim().slice(0, 90)}`;
    steps.push({ name, command: text, aMinuteLater: above.startsWith("A minute later"), answer });
  }
  return steps;
}

/** Every fenced block of a page, in order. */
function fencesOf(page: string): Fence[] {
  return [...page.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ 1: language = "", 2: text = "", index }) => ({
    language,
    text,
    above: page.slice(0, index).trimEnd().split("\n\n").at(-1) ?? "",
    line: page.slice(0, index).split("\n").length,
  }));
}

function readAnswer(text: string): ShownAnswer {
  const [head = "", ...rest] = text.split("\n\n");
  const [first = "", ...lines] = head.trim().split("\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})\b/.exec(first)?.[1]);
  if (!status) throw new Error(`Expected an answer to begin with its status, as HTTP/1.1 200 OK, found "${first}"`);
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  return { status, headers, body: rest.join("\n\n").trim() };
}
