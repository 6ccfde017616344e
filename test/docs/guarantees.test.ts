import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "vitest";

const page = readFileSync("docs/guarantees.md", "utf8");
const promises = page.split(/^## (?=\d)/m).slice(1);
const named = [...page.matchAll(/^- `(test\/[^`]+)`: "(.+)"$/gm)].map(([, file, name]) => ({
  file: file!,
  name: name!,
}));

describe("docs/guarantees.md", () => {
  test("has the eight promises, each with what it rests on, what breaks it and its tests, or says that it is not built", () => {
    assert.deepEqual(
      promises.map((promise) => promise[0]),
      ["1", "2", "3", "4", "5", "6", "7", "8"],
    );
    for (const promise of promises) {
      assert.match(promise, /^\*\*Tests\*\*\n- `test\//m);
      if (!promise.includes("**Not built yet.**"))
        assert.match(promise, /\*\*Rests on\*\*[\s\S]*\*\*Breaks it\*\*\n- /);
    }
  });

  test.for(named)('$file has "$name"', ({ file, name }) => {
    const source = readFileSync(file, "utf8").replaceAll('\\"', '"');
    assert.ok(source.includes(`("${name}"`) || source.includes(`\n  "${name}"`), "a test of that name");
  });

  test("every file and command that it names exists", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
    for (const [, file] of page.matchAll(/`(test\/[^`]+\.ts)`/g)) assert.ok(existsSync(file!), file);
    for (const [, file] of page.matchAll(/\]\(([a-z-]+\.md)\)/g)) assert.ok(existsSync(`docs/${file}`), file);
    for (const [, script] of page.matchAll(/`npm run ([a-z:]+)`/g)) assert.ok(script! in scripts, script);
  });
});
