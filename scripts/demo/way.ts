import { type Client, createClient, type JobLine } from "../../src/client/client.ts";
import { Http } from "../../src/client/http.ts";

/** An application's way in: the typed client, and plain requests for what it has no method for. */
export interface Way {
  readonly tenant: string;
  readonly client: Client;
  readonly http: Http;
}

export function wayOf(options: { baseUrl: string; key: string; tenant: string; fetch: typeof fetch }): Way {
  return { tenant: options.tenant, client: createClient(options), http: new Http(options) };
}

/** All jobs of the tenant that match, newest first. */
export async function jobsOf(
  { client }: Way,
  filter: { tag?: string; job?: string } = {},
): Promise<readonly JobLine[]> {
  const jobs: JobLine[] = [];
  for await (const job of client.list(filter)) jobs.push(job);
  return jobs;
}
