/**
 * What the README and the other papers promise: their commands and links exist, their numbers and words are those of the source.
 * Their programs are run in `doc-programs.test.ts`.
 */
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { FAULT_KINDS } from "../src/transport/inspect/faults/fault.js";
import { readFault } from "../src/transport/inspect/faults/fault-text.js";
import { DEFAULT_SERVER_LIMITS } from "../src/transport/server/limits.js";
import { papers, readPaper as read } from "./support/doc-programs.js";

const root = fileURLToPath(new URL("..", import.meta.url));
describe("the README's numbers", () => {
  function shown(value: number): string {
    if (value === Infinity) return "none";
    if (value >= 1 << 20 && value % (1 << 20) === 0) return `${value / (1 << 20)} MiB`;
    if (value >= 1 << 10 && value % (1 << 10) === 0) return `${value / (1 << 10)} KiB`;
    return value.toLocaleString("en-US");
  }

  function duration(ms: number): string {
    if (ms === Infinity) return "none";
    return ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 1000} s`;
  }

  test("the table of limits has the defaults of the source", () => {
    const rows = [...read("README.md").matchAll(/^\| (`\w+` \/ `\w+`|`(?:max\w+|\w+Ms)`)[^|]*\| ([^|]+?) +\|/gm)];
    assert.ok(rows.length >= 6, `only ${rows.length} rows were found`);
    for (const [, names, defaults] of rows) {
      const keys = [...(names ?? "").matchAll(/\w+/g)].map(([name]) => name);
      const expected = keys.map((key) => {
        assert.ok(Object.hasOwn(DEFAULT_SERVER_LIMITS, key), `there is no limit ${key}`);
        const value = DEFAULT_SERVER_LIMITS[key as keyof typeof DEFAULT_SERVER_LIMITS];
        return key.endsWith("Ms") ? duration(value) : shown(value);
      });
      assert.equal(defaults, expected.join(" / "), names);
    }
  });
});

describe("the words of docs/testing.md", () => {
  test("its table names every fault, and the words it shows can be read", () => {
    const page = read("docs/testing.md");
    const kinds = [...page.matchAll(/^\| `([a-z]+)/gm)].map(([, kind]) => kind ?? "");
    assert.deepEqual(kinds.toSorted(), Object.keys(FAULT_KINDS).toSorted());
    for (const clause of [
      "after 3 requests",
      "after 3 responses",
      "before headers",
      "before trailers",
      "now",
      "on SayHello",
    ]) {
      assert.ok(page.includes(`\`${clause}\``), clause);
      readFault(`reset ${clause}`);
    }
  });
});

describe("every paper", () => {
  const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;

  for (const paper of papers()) {
    test(`${paper}: every link leads somewhere in the repository`, () => {
      const text = read(paper).replace(/^```[\s\S]*?^```$/gm, "");
      const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)].map(([, link]) => link ?? "");
      const broken = links.filter((link) => !existsSync(join(root, dirname(paper), link)));
      assert.deepEqual(broken, []);
    });

    test(`${paper}: every npm script and source that is named exists`, () => {
      const text = read(paper);
      const named = [...text.matchAll(/\bnpm run (?:-s |--silent )?([a-z][\w:-]*)/g)].map(([, name]) => name ?? "");
      assert.deepEqual(
        named.filter((name) => !Object.hasOwn(scripts, name)),
        [],
      );
      const files = [...text.matchAll(/`((?:src|test|scripts|bin|proto|docs)\/[\w./-]*)`/g)].map(
        ([, file]) => file ?? "",
      );
      assert.deepEqual(
        files.filter(
          (file) => !existsSync(join(root, file)) || (file.endsWith("/") && !statSync(join(root, file)).isDirectory()),
        ),
        [],
      );
    });

    test(`${paper}: names no place on a machine`, () => {
      const text = read(paper);
      assert.doesNotMatch(text, /\/(?:home|Users|root)\/[a-z]/i);
      assert.ok(![root, homedir()].some((place) => place.length > 5 && text.includes(place)));
    });
  }
});
