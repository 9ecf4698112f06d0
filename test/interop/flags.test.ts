import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { booleanFlag, numberFlag, parseFlags, wantedFlag } from "./flags.js";

const NAMES = ["port", "use_tls"];

describe("flags", () => {
  test("are read in both of the official forms", () => {
    assert.deepEqual(
      [...parseFlags(["--port=1", "--use_tls", "true"], NAMES)],
      [...parseFlags(["--port", "1", "--use_tls=true"], NAMES)],
    );
    assert.equal(wantedFlag(parseFlags(["--port=a=b"], NAMES), "port"), "a=b");
  });

  test("that do not exist, have no value or are no flags are refused by name", () => {
    assert.throws(() => parseFlags(["--prot=1"], NAMES), /there is no flag "--prot=1"; there are --port, --use_tls/);
    assert.throws(() => parseFlags(["port"], NAMES), /there is no flag "port"/);
    assert.throws(() => parseFlags(["--port"], NAMES), /--port needs a value/);
    assert.throws(() => wantedFlag(new Map(), "port"), /--port is wanted/);
  });

  test("are words or numbers as they should be", () => {
    assert.equal(booleanFlag(new Map([["use_tls", "True"]]), "use_tls"), true);
    assert.equal(booleanFlag(new Map(), "use_tls"), false);
    assert.throws(() => booleanFlag(new Map([["use_tls", "yes"]]), "use_tls"), /must be true or false/);
    assert.equal(numberFlag(new Map(), "port", 5), 5);
    assert.throws(() => numberFlag(new Map([["port", "-1"]]), "port", 5), /must be a whole number/);
  });
});
