import type { Http } from "./http.ts";

/** What narrows a list down; fields that are not given are left out. */
export type Filter = Readonly<Record<string, string | number | undefined>>;

/** Everything that a list answers, page after page as you go on. */
export async function* pages<Item>(
  http: Http,
  address: string,
  filter: Filter = {},
): AsyncGenerator<Item, void, undefined> {
  const query = queryOf({ limit: 200, ...filter });
  for (;;) {
    const page = await http.json<{ items: Item[]; nextCursor: string | null }>(`${address}?${query}`);
    yield* page.items;
    if (page.nextCursor === null) return;
    query.set("cursor", page.nextCursor);
  }
}

/** Query parameters. */
export function queryOf(filter: Readonly<Record<string, string | number | boolean | undefined>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, String(value));
  return query;
}
