import { isUtf8 } from "node:buffer";
import type { Request } from "express";
import { Refusal } from "./problem.ts";

/** Longest body, bytes. */
export const bodyLimit = 1_048_576;

const jsonPattern = /^application\/json\s*(;\s*charset=(?<charset>"?[\w-]+"?)\s*)?$/i;

/**
 * Read a JSON body: UTF-8, not compressed, at most 1 MiB. Throws Refusal: `unsupported_media_type`, `body_too_large` or
 * `malformed_json`. Not body-parser, which reads UTF-16 as well and turns broken UTF-8 into replacement characters.
 */
export async function readJson(req: Request): Promise<{ readonly value: unknown; readonly bytes: Buffer }> {
  const {
    "content-type": type = "",
    "content-encoding": encoding = "identity",
    "content-length": length,
  } = req.headers;
  const match = jsonPattern.exec(type);
  if (!match) throw new Refusal("unsupported_media_type", "Expected Content-Type: application/json, found another");
  const charset = match.groups?.charset?.replaceAll('"', "").toLowerCase() ?? "utf-8";
  if (charset !== "utf-8" && charset !== "utf8")
    throw new Refusal("unsupported_media_type", "Expected the charset utf-8, found another");
  if (encoding !== "identity")
    throw new Refusal("unsupported_media_type", "Expected a body without Content-Encoding, found an encoded one");
  if (Number(length) > bodyLimit) throw tooLarge();
  const bytes = await readBytes(req);
  if (!isUtf8(bytes)) throw malformed("Expected UTF-8, found bytes that are not");
  try {
    return { value: JSON.parse(bytes.toString("utf8")), bytes };
  } catch {
    throw malformed(
      bytes.length === 0 ? "Expected JSON, found an empty body" : "Expected JSON, found text that is not",
    );
  }
}

function readBytes(req: Request): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (req.destroyed) return reject(abandoned());
    const chunks: Buffer[] = [];
    let size = 0;
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bodyLimit) return void chunks.push(chunk);
      req.removeAllListeners("data").resume(); // the rest is read and dropped, so that the answer can arrive
      reject(tooLarge());
    });
    req.once("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    req.once("error", () => reject(abandoned()));
  });
}

function tooLarge(): Refusal {
  return new Refusal("body_too_large", `Expected at most ${bodyLimit} bytes, found more`);
}

function abandoned(): Refusal {
  return malformed("Expected the whole body, found that its sender went away");
}

function malformed(detail: string): Refusal {
  return new Refusal("malformed_json", detail);
}
