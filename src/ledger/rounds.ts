/**
 * Write items of many callers by as few statements as they allow, and answer each in its place.
 *
 * Rows go into a statement in the order of their ids: two that wait for each other's rows meet them in one order, or
 * Postgres ends one of them as a deadlock. A job that stands there twice (a stale attempt and its successor in one group)
 * goes into a later statement: one statement changes a row once, and could not tell its two callers apart.
 */
export async function inRounds<In extends { readonly id: string }, Out>(
  items: readonly In[],
  write: (items: readonly In[]) => Promise<readonly Out[]>,
): Promise<Out[]> {
  const answers: Out[] = [];
  for (const places of rounds(items)) {
    const written = await write(places.map((place) => items[place]!));
    for (const [index, place] of places.entries()) answers[place] = written[index]!;
  }
  return answers;
}

/** In the order of their ids, which is that of the index. */
export function byId<Item extends { readonly id: string }>(items: readonly Item[]): Item[] {
  return items.toSorted(compareIds);
}

function compareIds(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The first of each job, then the second of those that have one, and so on. */
function rounds(items: readonly { readonly id: string }[]): number[][] {
  const seen = new Map<string, number>();
  const found: number[][] = [];
  for (const [place, { id }] of items.entries()) {
    const round = seen.get(id) ?? 0;
    seen.set(id, round + 1);
    if (round === found.length) found.push([]);
    found[round]!.push(place);
  }
  return found.map((places) => places.sort((a, b) => compareIds(items[a]!, items[b]!)));
}
