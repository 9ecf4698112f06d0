/** Generated source: texts are data, never code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf, quote, Source } from "../../../src/codec/proto/source.js";

test("Source compiles its lines with the values they name", () => {
  const source = new Source();
  const value = { answer: 42 };
  const name = source.constant(value);
  assert.equal(source.constant(value), name, "one name for one value");
  source.line(`return () => ${name}.answer;`);
  assert.equal((source.compile() as () => number)(), 42);
});

test("quote makes any text a literal", () => {
  for (const text of ['"', "\\", "`${1}`", "\u2028", "\uD800", "*/", "</script>"]) {
    const source = new Source();
    source.line(`return ${quote(text)};`);
    assert.equal(source.compile(), text);
  }
});

test("keyOf makes __proto__ an ordinary key", () => {
  for (const key of ["__proto__", "constructor", "a b", "1"]) {
    const source = new Source();
    source.line(`return { ${keyOf(key)}: 1 };`);
    const object = source.compile() as object;
    assert.deepEqual(Object.keys(object), [key]);
    assert.equal(Object.getPrototypeOf(object), Object.prototype);
  }
});
