import assert from "node:assert/strict";
import { test } from "node:test";
import { quoted } from "../../src/services/peer-text.js";

test("quoted leaves ordinary text as it is, in quotes", () => {
  assert.equal(quoted("Straße 12, 東京 🚲"), '"Straße 12, 東京 🚲"');
  assert.equal(quoted(""), '""');
  assert.equal(quoted('say "hi" \\'), '"say \\"hi\\" \\\\"');
});

test("quoted escapes what a terminal would obey", () => {
  assert.equal(quoted("a\u001b[2Jb\nc\u007f\u0085\u2028\u202e"), '"a\\u001b[2Jb\\u000ac\\u007f\\u0085\\u2028\\u202e"');
});

test("quoted cuts to 256 bytes of UTF-8, never within a character", () => {
  assert.equal(quoted("x".repeat(256)), `"${"x".repeat(256)}"`);
  assert.equal(quoted("x".repeat(257)), `"${"x".repeat(256)}"… (257 characters)`);
  assert.equal(quoted("é".repeat(129)), `"${"é".repeat(128)}"… (129 characters)`);
  assert.equal(quoted(`${"x".repeat(255)}🚲`), `"${"x".repeat(255)}"… (257 characters)`);
  assert.ok(quoted("🚲".repeat(1_000_000)).length < 200);
});
