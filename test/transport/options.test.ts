/** Options: defaults, what replaces them, and what is refused by name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkOptions, numbersFrom } from "../../src/transport/options.js";

describe("numbersFrom", () => {
  const DEFAULTS = Object.freeze({ a: 1, b: 2 });

  test("takes an option in place of its default, 0 and Infinity included, and leaves undefined alone", () => {
    const filled = (options: object): unknown => ({ ...numbersFrom(DEFAULTS, options) });
    assert.deepEqual(filled({}), { a: 1, b: 2 });
    assert.deepEqual(filled({ a: 0, b: Infinity }), { a: 0, b: Infinity });
    assert.deepEqual(filled({ a: undefined }), { a: 1, b: 2 });
    assert.deepEqual(filled({ other: "x" }), { a: 1, b: 2 });
  });

  test("refuses what is not a number above or equal to zero", () => {
    for (const a of [-1, Number.NaN, "5", null, {}, -Infinity]) {
      assert.throws(() => numbersFrom(DEFAULTS, { a }), { name: "TypeError", message: /option a .*0 or more/ });
    }
  });

  test("takes nothing from a prototype", () => {
    assert.equal("toString" in numbersFrom(DEFAULTS, {}), false);
  });
});

describe("checkOptions", () => {
  test("lets known names pass and names the nearest for another", () => {
    checkOptions("Server", { maxReceiveBytes: 1 }, ["maxReceiveBytes"]);
    checkOptions("Server", {}, []);
    assert.throws(() => checkOptions("Server", { maxRecieveBytes: 1 }, ["maxReceiveBytes", "onError"]), {
      name: "TypeError",
      message: /Server .*"maxRecieveBytes"; did you mean "maxReceiveBytes"\?/,
    });
    assert.throws(() => checkOptions("Server", { zzz: 1 }, ["onError"]), { message: /no option "zzz"$/ });
  });
});
