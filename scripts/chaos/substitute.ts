import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { mutations } from "./mutations.ts";

/**
 * Imported ahead of everything else by the processes of a chaos run (`--import`). They are the programs of `src/bin`, to
 * the letter; only `src/catalog.ts` is exchanged for one that has the chaos's jobs too. A mutation, when one is asked for,
 * changes the text of a module as it is loaded: production carries no switch that takes a promise away.
 */
const catalog = new URL("../../src/catalog.ts", import.meta.url).href;
const ours = new URL("./work/catalog.ts", import.meta.url).href;

const asked = process.env.NIGHTSHIFT_CHAOS_BREAK;
const mutation = asked ? mutations[asked] : undefined;
if (asked && !mutation)
  throw new RangeError(`Expected NIGHTSHIFT_CHAOS_BREAK to be one of ${Object.keys(mutations).join(", ")}`);
const edits = (mutation ?? []).map((edit) => ({
  ...edit,
  url: new URL(`../../${edit.file}`, import.meta.url).href,
}));

registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context);
    return found.url === catalog && context.parentURL !== ours ? { ...found, url: ours } : found;
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edit = edits.find((one) => one.url === url);
    if (!edit) return loaded;
    const text = loaded.source?.toString() ?? "";
    if (!text.includes(edit.from))
      throw new Error(`Expected ${fileURLToPath(url)} to contain what a mutation changes, it does not: ${edit.from}`);
    return { ...loaded, source: text.replaceAll(edit.from, edit.to) };
  },
});
