import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { printable, printableLines } from "../../src/cli/printable.js";

describe("printable", () => {
  test("escapes C0, DEL, C1, separators of lines and marks that reorder", () => {
    assert.equal(printable("\u001b[2J\u0000\t\r\u007f\u009b1m"), String.raw`\u001b[2J\u0000\u0009\u000d\u007f\u009b1m`);
    assert.equal(
      printable("a\u202eb\u2066c\u2028d\u200fe\u061cf\ufeffg"),
      String.raw`a\u202eb\u2066c\u2028d\u200fe\u061cf\ufeffg`,
    );
    assert.equal(printable("line\nline"), String.raw`line\nline`);
  });

  test("leaves letters of every language as they are", () => {
    const text = "Grüße, 世界 🎉 \u0627";
    assert.equal(printable(text), text);
  });

  test("keeps line feeds where lines are wanted, and nothing else that moves a cursor", () => {
    assert.equal(printableLines("a\nb\r\nc\u001b"), "a\nb\\u000d\nc\\u001b");
  });
});
