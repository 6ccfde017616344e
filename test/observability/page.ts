/** The value of one sample on a Prometheus page, or `undefined`. Labels may be given in any order. */
export function sample(page: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  for (const line of page.split("\n")) {
    const [, found, inner = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (found !== name) continue;
    const said = Object.fromEntries([...inner.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key, text]) => [key, text]));
    if (Object.entries(labels).every(([key, text]) => said[key] === text)) return Number(value);
  }
  return undefined;
}
