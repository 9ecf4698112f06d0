/**
 * The examples of docs/command-line.md, run as they stand.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Command, root } from "./command.js";
import { documented, type Running } from "./reflecting.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-docs-"));
let services: Running;
before(async () => {
  services = await documented();
  const command = join(folder, "barewire");
  const main = `${root}src/cli/main.ts`;
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' --import tsx '${main}' "$@"\n`);
  chmodSync(command, 0o755);
});
after(async () => {
  await services.stop();
  rmSync(folder, { recursive: true, force: true });
});

const text = readFileSync(`${root}docs/command-line.md`, "utf8");
const blocks = [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
const examples = blocks.flatMap((block) =>
  block
    .split(/^\$ /m)
    .slice(1)
    .map((example) => {
      const [line = "", ...printed] = example.split("\n");
      return { line, printed: printed.join("\n") };
    }),
);

describe("docs/command-line.md", { concurrency: 4, skip: spawnSync("sh", ["-c", "true"]).status !== 0 }, () => {
  test("has examples", () => assert.ok(examples.length >= 10, String(examples.length)));

  for (const { line, printed } of examples) {
    test(line, async () => {
      const env = { PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}` };
      const there = (what: string): string => what.replaceAll("localhost:50051", services.address);
      const { stdout } = await new Command("sh", ["-c", `{ ${there(line)}\n} 2>&1`], env).ended;
      assert.equal(stdout, there(printed));
    });
  }
});
