const left = "…";

/** Ids as the page names them (`019aa0f5-…`), by what they turned out to be. One name is one id on the whole page. */
export type Names = Map<string, string>;

/**
 * Compare what a page shows with what was answered; every difference by its path, none when the page is right. Both are JSON,
 * or else texts. In what is shown, `…` stands for what is left out: members of an object, items of an array, a value, or a
 * part of a text. Without it an object has exactly the members that are shown.
 */
export function differences(shown: string, real: string, names: Names): readonly string[] {
  const [page, answer] = [readShown(shown), readJson(real)];
  if (page === undefined || answer === undefined)
    return compare("body", shown, real.trim().replaceAll("\r", ""), names);
  return compare("body", page, answer, names);
}

/** Whether a text is as it is shown. Learns the ids that it meets. */
export function isShown(shown: string, real: string, names: Names): boolean {
  const met: string[] = [];
  const pattern = shown
    .split(/([0-9a-f]{8}-…|…)/)
    .map((part) => {
      if (part === left) return "[\\s\\S]*";
      if (!part.endsWith(left)) return part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
      const known = names.get(part);
      if (known !== undefined) return known;
      met.push(part);
      return "([0-9a-f]{8}-[0-9a-f-]{27})";
    })
    .join("");
  const found = new RegExp(`^${pattern}$`).exec(real);
  if (!found) return false;
  for (const [index, name] of met.entries()) {
    const id = found[index + 1]!;
    if ([...names.values()].includes(id)) return false; // two names of a page are two things
    names.set(name, id);
  }
  return true;
}

function compare(path: string, shown: unknown, real: unknown, names: Names): string[] {
  if (shown === left) return [];
  const differs = [`${path}: shown ${brief(shown)}, answered ${brief(real)}`];
  if (typeof shown === "string" && typeof real === "string") return isShown(shown, real, names) ? [] : differs;
  if (Array.isArray(shown) && Array.isArray(real)) return compareItems(path, shown, real, names);
  if (isObject(shown) && isObject(real)) return compareMembers(path, shown, real, names);
  return shown === real ? [] : differs;
}

function compareMembers(
  path: string,
  shown: Record<string, unknown>,
  real: Record<string, unknown>,
  names: Names,
): string[] {
  const expected = Object.keys(shown).filter((key) => key !== left);
  const unsaid = left in shown ? [] : Object.keys(real).filter((key) => !expected.includes(key));
  return [
    ...unsaid.map((key) => `${path}.${key}: not shown, and no ${left} says that something is left out`),
    ...expected.flatMap((key) =>
      key in real ? compare(`${path}.${key}`, shown[key], real[key], names) : [`${path}.${key}: shown, not answered`],
    ),
  ];
}

/** In order; where `…` stands, any number of items may be passed over. */
function compareItems(path: string, shown: readonly unknown[], real: readonly unknown[], names: Names): string[] {
  const found: string[] = [];
  let at = 0;
  let mayPass = false;
  for (const item of shown) {
    if (item === left) {
      mayPass = true;
      continue;
    }
    if (mayPass) {
      const next = real.findIndex((one, index) => index >= at && compare("", item, one, new Map(names)).length === 0);
      if (next < 0) return [...found, `${path}: shown ${brief(item)}, not answered from item ${at} on`];
      at = next;
    }
    if (at >= real.length) return [...found, `${path}.${at}: shown ${brief(item)}, not answered`];
    found.push(...compare(`${path}.${at}`, item, real[at], names));
    mayPass = false;
    at += 1;
  }
  if (!mayPass && at < real.length) found.push(`${path}: ${at} items shown, ${real.length} answered`);
  return found;
}

/** What a page shows as JSON: `…` becomes a string, or a member of that name. Undefined when it is no JSON. */
function readShown(text: string): unknown {
  let before = "";
  const inside: string[] = [];
  const json = text.replaceAll(/"(?:[^"\\]|\\.)*"|…|[^\s"…]/g, (token) => {
    const isMember = inside.at(-1) === "{" && before !== ":";
    if ("{[".includes(token)) inside.push(token);
    if ("}]".includes(token)) inside.pop();
    before = token;
    if (token !== left) return token;
    return isMember ? `"${left}":null` : `"${left}"`;
  });
  return readJson(json);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function brief(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 400) ?? "nothing";
}
