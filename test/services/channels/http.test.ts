import assert from "node:assert/strict";
import { test } from "vitest";
import { waitOf } from "../../../src/services/channels/http.ts";

test("Retry-After in seconds or as a date; what cannot be read, is past or is far too long is mended", () => {
  const now = Date.parse("2026-11-20T10:00:00Z");
  assert.equal(waitOf("90", now), 90_000);
  assert.equal(waitOf("1.5", now), 1_500);
  assert.equal(waitOf("Fri, 20 Nov 2026 10:00:30 GMT", now), 30_000);
  assert.equal(waitOf("Fri, 20 Nov 2026 09:00:00 GMT", now), 1_000);
  assert.equal(waitOf("0", now), 1_000);
  assert.equal(waitOf("soon", now), 30_000);
  assert.equal(waitOf(null, now), 30_000);
  assert.equal(waitOf("99999999", now), 86_400_000);
});
