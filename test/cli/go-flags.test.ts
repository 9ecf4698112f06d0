import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseGoFlags } from "../../src/cli/go-flags.js";
import { UsageError } from "../../src/cli/usage-error.js";

const FLAGS = {
  port: { takes: "a value", alias: "p" },
  up: { takes: "a value" },
  redact: { takes: "values" },
  quiet: { takes: "nothing", alias: "q" },
} as const;

describe("parseGoFlags", () => {
  for (const [line, expected] of [
    ["", {}],
    ["-up 100", { up: "100" }],
    ["--up 100 -p 1", { up: "100", port: "1" }],
    ["-p=1 --up=2", { port: "1", up: "2" }],
    ["-port 1 -q", { port: "1", quiet: true }],
    ["--redact a -redact b", { redact: ["a", "b"] }],
    ["-q -q", { quiet: true }],
    ["-up=-1", { up: "-1" }],
    ["-up -", { up: "-" }],
  ] as const) {
    test(line === "" ? "nothing" : line, () => {
      assert.deepEqual(parseGoFlags(line.split(" ").filter(Boolean), FLAGS), expected);
    });
  }

  for (const [line, expected] of [
    ["-u 1", /there is no flag "-u"/],
    ["-upp 1", /there is no flag "-upp"; did you mean -up\?/],
    ["--prot 1", /there is no flag "--prot"; did you mean --port\?/],
    ["-p1", /there is no flag "-p1"/],
    ["-p", /-p needs a value/],
    ["-p -q", /-p needs a value/],
    ["-q=1", /-q takes no value/],
    ["-p 1 --port 2", /--port is given twice/],
    ["-p 1 2", /"2" is too much/],
    ["--", /"--" is too much/],
    ["-\u001b[2J", /there is no flag "-\\u001b\[2J"/],
    ["--constructor", /there is no flag/],
  ] as const) {
    test(`${JSON.stringify(line)} is refused`, () => {
      assert.throws(
        () => parseGoFlags(line.split(" "), FLAGS),
        (error) => error instanceof UsageError && expected.test(error.message),
      );
    });
  }
});
