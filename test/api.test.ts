/** The API reference: what it is made of. Making it takes a while and a compiler of its own, so `npm run check` does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { root } from "./support/ledger.js";

interface Options {
  readonly entryPoints: readonly string[];
  readonly treatWarningsAsErrors: boolean;
  readonly validation: Readonly<Record<string, boolean>>;
}

function json(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, root), "utf8"));
}

const options = json("docs/api/typedoc.json") as Options;

test("The API reference has everything that the package exports", () => {
  const { exports } = json("package.json") as { exports: Readonly<Record<string, string | { types: string }>> };
  const declared = Object.values(exports).flatMap((made) => (typeof made === "string" ? [] : [made.types]));
  assert.deepEqual(
    options.entryPoints.toSorted(),
    declared.map((types) => types.replace("./dist/", "made/types/")).toSorted(),
  );
});

test("The API reference fails on what is not documented, not exported, or linked to nowhere", () => {
  assert.ok(options.treatWarningsAsErrors);
  for (const check of ["notExported", "invalidLink", "notDocumented"]) assert.equal(options.validation[check], true);
});
