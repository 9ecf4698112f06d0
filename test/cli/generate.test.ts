import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { barewire, told } from "./command.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-generate-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with two files, one importing the other, and what `barewire generate` is given for them. */
function project(name: string): { main: string; shared: string; out: string; args: string[] } {
  const dir = join(folder, name);
  mkdirSync(join(dir, "protos"), { recursive: true });
  const [main, shared, out] = [join(dir, "main.proto"), join(dir, "protos", "shared.proto"), join(dir, "gen")];
  writeFileSync(main, 'syntax = "proto3";\nimport "shared.proto";\nmessage Main { Shared shared = 1; }\n');
  writeFileSync(shared, 'syntax = "proto3";\nmessage Shared { int64 number = 1; bytes raw = 2; }\n');
  return { main, shared, out, args: ["generate", main, "-I", join(dir, "protos"), "--out", out] };
}

describe("barewire generate", { concurrency: 4 }, () => {
  test("writes a module for every file and says so; what did not change is not written again", async () => {
    const { out, args } = project("twice");
    const first = await told(...args);
    assert.deepEqual(
      [first.code, first.stderr, first.stdout],
      [0, "", `wrote ${join(out, "shared.ts")}\nwrote ${join(out, "main.ts")}\n`],
    );
    assert.match(readFileSync(join(out, "main.ts"), "utf8"), /import \{ type Shared, .*\} from "\.\/shared\.js";/);
    const written = statSync(join(out, "main.ts")).mtimeMs;
    const second = await told(...args);
    assert.deepEqual([second.code, second.stdout], [0, "all 2 modules are up to date\n"]);
    assert.equal(statSync(join(out, "main.ts")).mtimeMs, written);
  });

  test("--check writes nothing, and says what would", async () => {
    const { out, args, main } = project("check");
    const missing = await told(...args, "--check");
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /main\.ts is not what it would be: run barewire generate again\n/);
    assert.ok(!existsSync(out));
    await told(...args);
    assert.equal((await told(...args, "--check")).code, 0);
    writeFileSync(main, `${readFileSync(main, "utf8")}message More {}\n`);
    const changed = await told(...args, "--check");
    assert.deepEqual(
      [changed.code, changed.stdout],
      [1, `${join(out, "main.ts")} is not what it would be: run barewire generate again\n`],
    );
  });

  test("--import-from, --int64 and --bytes say what modules are made of", async () => {
    const { out, args } = project("options");
    const { code } = await told(...args, "--import-from", "#rpc", "--int64", "number", "--bytes", "buffer");
    assert.equal(code, 0);
    const shared = readFileSync(join(out, "shared.ts"), "utf8");
    assert.match(shared, /from "#rpc";/);
    assert.match(shared, /protoFile\("shared\.proto", \[\], source, \{ int64: "number", bytes: "buffer" \}\)/);
    assert.match(shared, /\n {2}number: number;\n {2}raw: Buffer;\n/);
    assert.match(
      shared,
      /\n {2}number\?: bigint \| number \| string \| undefined;\n {2}raw\?: Uint8Array \| undefined;\n/,
    );
  });

  test("an error names file, line and column, and leaves the modules as they were", async () => {
    const { out, args, main, shared } = project("broken");
    await told(...args);
    writeFileSync(main, `${readFileSync(main, "utf8")}message More {}\n`);
    writeFileSync(shared, 'syntax = "proto3";\nmessage Shared { int64 = 1; }\n');
    const before = readFileSync(join(out, "main.ts"), "utf8");
    const { code, stdout, stderr } = await told(...args);
    assert.deepEqual(
      [code, stdout, stderr],
      [1, "", `barewire: Cannot load ${shared}:2:24: expected a name, found "="\n`],
    );
    assert.equal(readFileSync(join(out, "main.ts"), "utf8"), before);
  });

  test("a folder that cannot be written is one line", async () => {
    const { args, main } = project("unwritable");
    const { code, stderr } = await told(...args.slice(0, -1), join(main, "below"));
    assert.equal(code, 1);
    assert.match(stderr, /^barewire: cannot write .*main\.proto.*\n$/);
  });

  test("--watch generates again on every change, and survives errors", { timeout: 60_000 }, async () => {
    const { out, args, main, shared } = project("watch");
    const command = barewire(...args, "--watch");
    try {
      await command.printed(/wrote .*main\.ts\nwatching; Ctrl-C ends it\n/);
      writeFileSync(main, `${readFileSync(main, "utf8")}message More {}\n`);
      await command.printed(/watching[^]*wrote .*main\.ts\n/);
      assert.match(readFileSync(join(out, "main.ts"), "utf8"), /interface More/);
      writeFileSync(shared, "message Shared {");
      await command.complained(/Cannot load .*shared\.proto:1:17: expected a name, found the end of the file\n/);
      // Editors write another file and put it in the place of the old one.
      writeFileSync(`${shared}.new`, 'syntax = "proto3";\nmessage Shared { string mended = 1; }\n');
      renameSync(`${shared}.new`, shared);
      await command.printed(/watching[^]*wrote .*shared\.ts\n/);
      assert.match(readFileSync(join(out, "shared.ts"), "utf8"), /mended: string;/);
      command.kill("SIGINT");
      const { code, signal } = await command.ended;
      assert.deepEqual([code, signal], [0, null]);
    } finally {
      await command.stop();
    }
  });
});
