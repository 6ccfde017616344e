import { parseArgs } from "node:util";
import type { Log } from "#core/handler.ts";
import { KeyStore } from "../src/access/keys.ts";
import { type Role, roles } from "../src/access/principal.ts";
import { startServers } from "../src/embedded/servers.ts";
import { Database } from "../src/ledger/database.ts";
import { isMigrated, migrate } from "../src/ledger/migrate.ts";
import { readEnvironment } from "../src/process.ts";

const usage = `Make an API key; its secret is shown once, on standard output.

  npm run key -- --name "billing service" --tenant acme --role producer
  npm run key -- --revoke 0123456789ab

  --name     what it is for: shown to operators
  --tenant   whose work it may touch; "*": any, named per request by Nightshift-Tenant
  --role     ${roles.join(" | ")}
  --revoke   id of a key (its second part) that shall work no longer

The database is that of DATABASE_URL, else the embedded one under NIGHTSHIFT_DATA_DIR.
`;

const badUsage = 64; // EX_USAGE of sysexits.h

function print(text: string): void {
  process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** Standard output is for the key alone: `KEY=$(npm run --silent key -- …)`. */
const log: Log = {
  debug() {},
  info() {},
  warn: (fields, event) => print(`${event} ${JSON.stringify(fields)}`),
  error: (fields, event) => print(`${event} ${JSON.stringify(fields)}`),
  child: () => log,
};

type Order =
  | { readonly revoke: string }
  | { readonly name: string; readonly tenant: string; readonly role: Role }
  | { readonly refused: string };

function readOrder(args: readonly string[]): Order {
  const text = { type: "string" } as const;
  try {
    const options = { name: text, tenant: text, role: text, revoke: text };
    const { name, tenant, role, revoke } = parseArgs({ args: [...args], options }).values;
    if (revoke !== undefined) return { revoke };
    if (!name || !tenant) return { refused: "Expected --name and --tenant" };
    const known = roles.find((one) => one === role);
    return known ? { name, tenant, role: known } : { refused: `Expected --role to be one of ${roles.join(", ")}` };
  } catch (error) {
    return { refused: (error as Error).message };
  }
}

async function carryOut(order: Exclude<Order, { refused: string }>, keys: KeyStore): Promise<boolean> {
  if ("revoke" in order) {
    const revoked = await keys.revoke(order.revoke);
    print(
      revoked ? `Key ${order.revoke} is revoked. Processes notice within 30 s.` : "Expected the id of a living key.",
    );
    return revoked;
  }
  const { keyId, key } = await keys.create(order);
  print(
    `Key ${keyId}: ${order.role} of ${order.tenant === "*" ? "all tenants" : order.tenant}. Keep it; it is not shown again.`,
  );
  process.stdout.write(`${key}\n`);
  return true;
}

const order = readOrder(process.argv.slice(2));
if ("refused" in order) {
  print(`${order.refused}\n\n${usage}`);
  process.exit(badUsage);
}
const env = readEnvironment();
const servers = await startServers({ dataDir: env.dataDir, want: { redis: false, postgres: !env.databaseUrl }, log });
const database = new Database({
  connectionString: env.databaseUrl ?? servers.databaseUrl!,
  max: 1,
  name: "nightshift key",
  log,
});
try {
  if (!env.databaseUrl) await migrate(database);
  else if (!(await isMigrated(database))) throw new Error("Expected a migrated database: run `npm run release` first");
  if (!(await carryOut(order, new KeyStore(database, undefined)))) process.exitCode = 1;
} catch (error) {
  print((error as Error).message);
  process.exitCode = 1;
} finally {
  await database.stop();
  await servers.stop();
}
