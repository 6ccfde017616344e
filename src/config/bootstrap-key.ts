import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The admin key of an embedded installation: made at its first start, kept in `<dataDir>/api-key` for its owner alone.
 * Safe to call from several processes at once: one writes, all read.
 */
export async function bootstrapKey(dataDir: string): Promise<{ key: string; path: string; made: boolean }> {
  const path = join(dataDir, "api-key");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const fresh = `ns_admin_${randomBytes(24).toString("base64url")}`;
  const made = await writeFile(path, `${fresh}\n`, { flag: "wx", mode: 0o600 }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
  return { key: (await readFile(path, "utf8")).trim(), path, made };
}
