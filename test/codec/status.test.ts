/**
 * Status codes, StatusError, and the percent-encoding of a status text.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  Code,
  codeName,
  decodeStatusMessage,
  encodeStatusMessage,
  isCode,
  StatusError,
} from "../../src/codec/status.js";
import { Metadata } from "../../src/codec/metadata.js";

/** A text with anything in it that a JavaScript string can hold, lone surrogates included. */
const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });

describe("Code", () => {
  test("has the seventeen names of gRPC, numbered from 0 in their order", () => {
    assert.deepEqual(Object.entries(Code), [
      ["OK", 0],
      ["CANCELLED", 1],
      ["UNKNOWN", 2],
      ["INVALID_ARGUMENT", 3],
      ["DEADLINE_EXCEEDED", 4],
      ["NOT_FOUND", 5],
      ["ALREADY_EXISTS", 6],
      ["PERMISSION_DENIED", 7],
      ["RESOURCE_EXHAUSTED", 8],
      ["FAILED_PRECONDITION", 9],
      ["ABORTED", 10],
      ["OUT_OF_RANGE", 11],
      ["UNIMPLEMENTED", 12],
      ["INTERNAL", 13],
      ["UNAVAILABLE", 14],
      ["DATA_LOSS", 15],
      ["UNAUTHENTICATED", 16],
    ]);
    assert.ok(Object.isFrozen(Code));
  });

  test("codeName names each of them, and a number that is none as CODE_<number>", () => {
    for (const [name, code] of Object.entries(Code)) assert.equal(codeName(code), name);
    assert.deepEqual([17, -1, 1.5].map(codeName), ["CODE_17", "CODE_-1", "CODE_1.5"]);
  });

  test("isCode takes the integers 0 to 16 and nothing else", () => {
    for (let code = 0; code <= 16; code++) assert.ok(isCode(code));
    for (const other of [-1, 17, 0.5, Number.NaN, Infinity, "0", 0n, null, undefined, {}]) assert.ok(!isCode(other));
  });
});

describe("StatusError", () => {
  test("message is for humans, rawMessage is what goes on the wire", () => {
    const error = new StatusError(Code.NOT_FOUND, "no such order");
    assert.equal(error.message, "NOT_FOUND: no such order");
    assert.equal(error.rawMessage, "no such order");
    assert.equal(error.code, 5);
    assert.equal(error.codeName, "NOT_FOUND");
    assert.equal(error.name, "StatusError");
    assert.ok(error instanceof Error);
    assert.match(String(error.stack), /status\.test/);
  });

  test("without a text the message is the code's name alone", () => {
    const error = new StatusError(Code.ABORTED);
    assert.equal(error.message, "ABORTED");
    assert.equal(error.rawMessage, "");
  });

  test("is local, without trailers and without cause unless told otherwise", () => {
    const plain = new StatusError(Code.INTERNAL, "x");
    assert.equal(plain.origin, "local");
    assert.equal(plain.trailers, undefined);
    assert.ok(!Object.hasOwn(plain, "cause"));
    const trailers = new Metadata({ "retry-after": "3" });
    const cause = new Error("underneath");
    const full = new StatusError(Code.INTERNAL, "x", { origin: "remote", trailers, cause });
    assert.equal(full.origin, "remote");
    assert.equal(full.trailers, trailers);
    assert.equal(full.cause, cause);
  });

  test("is never OK, and its code is one of Code: the TypeError says what came", () => {
    const make = (code: unknown) => () => new StatusError(code as Code, "x");
    assert.throws(make(0), { name: "TypeError", message: /must be one of Code, 1 to 16: current value is 0$/ });
    assert.throws(make(17), { name: "TypeError", message: /current value is 17$/ });
    assert.throws(make("NOT_FOUND"), { name: "TypeError", message: /current value is "NOT_FOUND"$/ });
    assert.throws(make(undefined), { name: "TypeError", message: /current value is undefined$/ });
  });
});

describe("encodeStatusMessage", () => {
  test("R65 UTF-8 bytes outside 0x20-0x7E and the percent sign become %XX, all else stays literal", () => {
    assert.equal(encodeStatusMessage("100% /?#"), "100%25 /?#");
    assert.equal(
      encodeStatusMessage("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"),
      "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A",
    );
    const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join("");
    assert.equal(encodeStatusMessage(printable), printable.replace("%", "%25"));
    assert.equal(encodeStatusMessage("\u0000\u001f\u007f"), "%00%1F%7F");
  });

  test("R65 a lone surrogate does not throw and becomes U+FFFD", () => {
    assert.equal(encodeStatusMessage("\ud800"), "%EF%BF%BD");
    assert.equal(encodeStatusMessage("a\udc00b"), "a%EF%BF%BDb");
  });

  test("R65 whatever the text, what is written is printable ASCII with upper-case escapes only", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        assert.match(encodeStatusMessage(text), /^(?:[\x20-\x24\x26-\x7e]|%[0-9A-F]{2})*$/);
      }),
    );
  });
});

describe("decodeStatusMessage", () => {
  test("R65 R66 gives back every well-formed text that was encoded, the others with U+FFFD", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        assert.equal(decodeStatusMessage(encodeStatusMessage(text)), Buffer.from(text, "utf8").toString("utf8"));
      }),
    );
  });

  test("R66 undoes any escape, in either case, also of characters that need none", () => {
    assert.equal(decodeStatusMessage("%2F%2f%23%3F%41"), "//#?A");
    assert.equal(decodeStatusMessage("%e2%98%ba"), "☺");
  });

  test("R66 broken escapes stay literal", () => {
    for (const text of ["%", "%4", "100%", "%zz", "%%", "a%G1b", "% 41"]) assert.equal(decodeStatusMessage(text), text);
    assert.equal(decodeStatusMessage("%%41%4"), "%A%4");
  });

  test("R66 bytes that are not UTF-8 become U+FFFD and the text around them stays", () => {
    assert.equal(decodeStatusMessage("a%FFb"), "a\ufffdb");
    assert.equal(decodeStatusMessage("%E2%98"), "\ufffd");
  });

  test("R66 never throws and never drops a text, whatever is received", () => {
    const piece = fc.oneof(fc.constantFrom("%", "%2", "%C3", "%a9", "%00", "é"), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join("");
        assert.ok(text === "" || decodeStatusMessage(text).length > 0);
      }),
    );
  });

  test("R66 a byte order mark at the start of a text stays", () => {
    assert.equal(decodeStatusMessage(encodeStatusMessage("\ufeffx")), "\ufeffx");
  });

  test("R66 a text that was cut at any place is its beginning", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoded = encodeStatusMessage(text);
        const whole = Buffer.from(text, "utf8").toString("utf8");
        for (let cut = 0; cut <= encoded.length; cut++) {
          // Of an escape and of a character in the middle of which it was cut, something else is left.
          const decoded = decodeStatusMessage(encoded.slice(0, cut)).replace(/(?:\ufffd|%[0-9A-F]?)*$/, "");
          assert.ok(whole.startsWith(decoded), `cut at ${cut}: ${decoded}`);
        }
      }),
    );
  });
});
