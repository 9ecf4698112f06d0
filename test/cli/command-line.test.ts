import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { callHelp } from "../../src/cli/call.js";
import { flagsIn, readBefore, splitLine } from "../../src/cli/command-line.js";
import { describeHelp } from "../../src/cli/describe.js";
import { generateHelp } from "../../src/cli/generate.js";
import { listHelp } from "../../src/cli/list.js";
import { SCHEMA_OPTIONS } from "../../src/cli/schema-source.js";
import { serveHelp } from "../../src/cli/serve.js";
import { TARGET_OPTIONS } from "../../src/cli/target.js";

describe("flagsIn", () => {
  test("finds in the help what the commands take, and whether it has a value", () => {
    for (const help of [callHelp, describeHelp, listHelp]) {
      const flags = flagsIn(help);
      for (const [name, option] of Object.entries({ ...SCHEMA_OPTIONS, ...TARGET_OPTIONS })) {
        assert.equal(flags.get(`--${name}`), option.type === "string", name);
        if ("short" in option) assert.equal(flags.get(`-${option.short}`), option.type === "string", name);
      }
    }
    const call = flagsIn(callHelp);
    for (const name of ["--data", "-d", "--format", "--compression"]) assert.equal(call.get(name), true, name);
    for (const name of ["--compact", "--emit-defaults", "--allow-unknown", "-v"])
      assert.equal(call.get(name), false, name);
  });

  test("reads the other commands' help as well", () => {
    assert.equal(flagsIn(serveHelp).get("--port"), true);
    assert.equal(flagsIn(serveHelp).get("--quiet"), false);
    assert.equal(flagsIn(generateHelp).get("--out"), true);
    assert.equal(flagsIn(generateHelp).get("--watch"), false);
  });
});

describe("splitLine", () => {
  test("takes words apart as a shell does", () => {
    assert.deepEqual(splitLine("barewire call a:1 "), ["barewire", "call", "a:1", ""]);
    assert.deepEqual(splitLine("barewire  ca"), ["barewire", "ca"]);
    assert.deepEqual(splitLine(`x -H 'k: v' "a b"c d\\ e`), ["x", "-H", "k: v", "a bc", "d e"]);
    assert.deepEqual(splitLine(`x -d '{"a": `), ["x", "-d", '{"a": ']);
    assert.deepEqual(splitLine("x \\"), ["x", ""]);
    assert.deepEqual(splitLine(""), [""]);
    assert.deepEqual(splitLine("x '' "), ["x", "", ""]);
  });
});

describe("readBefore", () => {
  const flags = flagsIn(callHelp);

  test("knows values from names", () => {
    const words = ["a:1", "-H", "k: v", "--compact", "--format=text", "s.S/M"];
    assert.deepEqual(readBefore(words, flags), { positionals: ["a:1", "s.S/M"], pending: undefined });
    assert.deepEqual(readBefore(["a:1", "-d"], flags), { positionals: ["a:1"], pending: "-d" });
    assert.deepEqual(readBefore(["--nonsense", "a:1"], flags), { positionals: ["a:1"], pending: undefined });
  });
});
