/**
 * Metadata: what an application may set, what goes on the wire, and what is made of a peer's header list.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { isReservedName, malformedBinaryHeader, Metadata, type MetadataInit } from "../../src/codec/metadata.js";
import type { HeaderFields } from "../../src/codec/header-block.js";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** The header fields that `metadata` becomes. */
function fieldsOf(metadata: Metadata): HeaderFields {
  const fields: HeaderFields = {};
  metadata.writeTo(fields);
  return fields;
}

/** The raw header list a peer would see: several values of a name are a field each. */
function rawOf(metadata: Metadata): string[] {
  return Object.entries(fieldsOf(metadata)).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => [name, String(one)]),
  );
}

function append(name: unknown, value: unknown): () => Metadata {
  return () => new Metadata().append(name as string, value as string);
}

const anyName = fc
  .stringMatching(/^[0-9a-z_.-]{1,12}$/)
  .filter((name) => !isReservedName(name) && !name.endsWith("-bin"));
const anyValue = fc.stringMatching(/^[\x21-\x7e](?:[\x20-\x7e]{0,20}[\x21-\x7e])?$/);

describe("Metadata: names", () => {
  test("R31 digits, lower-case letters, underscore, hyphen and dot are a name", () => {
    for (const name of [
      "a",
      "0",
      "x-request-id",
      "a_b.c-d",
      "_",
      "-",
      ".",
      "0123456789abcdefghijklmnopqrstuvwxyz_-.",
    ]) {
      assert.equal(new Metadata().append(name, "v").get(name), "v");
    }
  });

  test("R31 upper-case letters become lower case, in whatever way the name is asked for", () => {
    const metadata = new Metadata().append("X-Request-ID", "1");
    assert.deepEqual([...metadata.keys()], ["x-request-id"]);
    assert.equal(metadata.get("X-REQUEST-id"), "1");
    assert.ok(metadata.has("x-Request-id"));
    assert.deepEqual(metadata.getAll("X-Request-Id"), ["1"]);
    assert.ok(metadata.delete("X-Request-Id"));
    assert.equal(metadata.size, 0);
  });

  test("R31 every other character is refused, and the error shows the name", () => {
    for (let code = 0; code < 0x180; code++) {
      const char = String.fromCharCode(code);
      if (/[0-9a-z_.-]/.test(char.toLowerCase())) continue;
      assert.throws(append(`x${char}y`, "v"), TypeError, JSON.stringify(char));
    }
    assert.throws(append("naïve", "v"), { message: /must be 1 or more of 0-9 a-z _ - \. : current value is "naïve"$/ });
    assert.throws(append("", "v"), { message: /current value is ""$/ });
    assert.throws(append("x\n", "v"), TypeError);
    assert.throws(append(undefined, "v"), { message: /current value is undefined$/ });
    assert.throws(append(7, "v"), { message: /current value is number$/ });
  });

  test("R31 set and the constructor check as append does", () => {
    assert.throws(() => new Metadata().set("a b", "v"), TypeError);
    assert.throws(() => new Metadata({ "a b": "v" }), TypeError);
    assert.throws(() => new Metadata([["a b", "v"]]), TypeError);
  });

  test("R35 the protocol's own grpc- names are refused, the open ones are not", () => {
    for (const name of [
      "grpc-timeout",
      "grpc-encoding",
      "grpc-accept-encoding",
      "grpc-anything",
      "grpc-",
      "GRPC-Trace",
    ]) {
      assert.throws(append(name, "v"), { name: "TypeError", message: /belongs to the protocol$/ });
    }
    for (const name of ["grpc-retry-pushback-ms", "grpc-previous-rpc-attempts"]) {
      assert.equal(new Metadata().append(name, "1").get(name), "1");
    }
    for (const name of ["grpc-status-details-bin", "grpc-tags-bin", "grpc-trace-bin"] as const) {
      assert.deepEqual(new Metadata().append(name, bytes(1)).get(name), bytes(1));
    }
  });

  test("R35 pseudo-header names are refused", () => {
    for (const name of [":path", ":status", ":authority", ":x", ":"]) assert.throws(append(name, "v"), TypeError);
  });

  test("R36 grpc-status and grpc-message cannot be set", () => {
    assert.throws(append("grpc-status", "0"), TypeError);
    assert.throws(append("Grpc-Message", "fine"), TypeError);
  });

  test("the transport's own header names are refused", () => {
    for (const name of ["te", "content-type", "content-length", "host", "connection", "transfer-encoding", "upgrade"]) {
      assert.throws(append(name, "v"), { name: "TypeError", message: /belongs to the protocol$/ });
    }
  });
});

describe("Metadata: values", () => {
  test("R32 a text is printable ASCII and nothing else", () => {
    for (let code = 0; code < 0x180; code++) {
      const value = `a${String.fromCharCode(code)}b`;
      if (code >= 0x20 && code <= 0x7e) assert.equal(new Metadata().append("x", value).get("x"), value);
      else assert.throws(append("x", value), TypeError, JSON.stringify(value));
    }
    assert.throws(append("x", "tab\there"), {
      message: /"x" as its value must be printable ASCII: current value is "tab/,
    });
    assert.throws(append("x", "ends with a line feed\n"), TypeError);
  });

  test("R32 a value that is no string is refused, and the error says what came", () => {
    assert.throws(append("x", 5), { name: "TypeError", message: /must be a string: current value is number$/ });
    assert.throws(append("x", undefined), { message: /current value is undefined$/ });
    assert.throws(append("x", bytes(1)), { message: /a Uint8Array \(bytes need a name that ends in -bin\)$/ });
  });

  test("R33 spaces at the ends are left out, those inside stay", () => {
    assert.equal(new Metadata().append("x", "  a  b ").get("x"), "a  b");
    assert.equal(new Metadata().append("x", "   ").get("x"), "");
    assert.deepEqual(fieldsOf(new Metadata({ x: " v " })), { x: "v" });
  });

  test("R33 received values lose spaces and tabs at their ends too", () => {
    assert.equal(Metadata.fromRawHeaders(["x", " \t a b\t "]).get("x"), "a b");
  });

  test("R37 a -bin name takes bytes, a Buffer among them, and nothing else", () => {
    assert.deepEqual(new Metadata().append("x-bin", bytes(1, 2)).get("x-bin"), bytes(1, 2));
    assert.deepEqual(fieldsOf(new Metadata({ "x-bin": Buffer.from("hi") })), { "x-bin": "aGk" });
    assert.throws(append("x-bin", "text"), { message: /a -bin value must be a Uint8Array: current value is string$/ });
    assert.throws(append("x-bin", [1, 2]), { message: /current value is object$/ });
  });

  test("R37 bytes are sent as standard base64 without padding", () => {
    const written = (...values: number[]): unknown => fieldsOf(new Metadata({ "y-bin": bytes(...values) }))["y-bin"];
    assert.deepEqual([written(0), written(0, 1), written(0, 1, 2)], ["AA", "AAE", "AAEC"]);
    assert.equal(written(0xfb, 0xff, 0xfe), "+//+");
    assert.equal(written(), "");
  });

  test("R37 a view into a larger buffer is sent as what it shows", () => {
    const view = new Uint8Array(Uint8Array.from([9, 9, 1, 2, 9]).buffer, 2, 2);
    assert.deepEqual(fieldsOf(new Metadata({ "y-bin": view })), { "y-bin": "AQI" });
  });

  test("bytes are copied when they are set: what becomes of the caller's does not matter", () => {
    const bytes = Buffer.from([1, 2, 3]);
    const metadata = new Metadata({ "a-bin": bytes }).set("b-bin", bytes).append("c-bin", bytes);
    bytes.fill(9);
    for (const name of ["a-bin", "b-bin", "c-bin"] as const) {
      assert.deepEqual(metadata.get(name), new Uint8Array([1, 2, 3]), name);
    }
  });

  test("R41 an empty text and empty bytes can be sent and received", () => {
    assert.deepEqual(fieldsOf(new Metadata({ x: "", "y-bin": bytes() })), { x: "", "y-bin": "" });
    const received = Metadata.fromRawHeaders(["x", "", "y-bin", ""]);
    assert.deepEqual([received.get("x"), received.get("y-bin")], ["", bytes()]);
    assert.equal(malformedBinaryHeader(["y-bin", ""]), undefined);
  });
});

describe("Metadata: received", () => {
  test("R34 a value outside printable ASCII is kept, and left out instead of thrown when it is sent on", () => {
    const received = Metadata.fromRawHeaders(["x-a", "caf\u00c3\u00a9", "x-b", "fine", "x-a", "plain"]);
    assert.deepEqual(received.getAll("x-a"), ["caf\u00c3\u00a9", "plain"]);
    assert.deepEqual(fieldsOf(received), { "x-a": "plain", "x-b": "fine" });
  });

  test("R34 what was copied or merged from received metadata can be sent on as well", () => {
    const received = Metadata.fromRawHeaders(["x-a", "\u00ff", "x-b", "1"]);
    assert.deepEqual(fieldsOf(new Metadata(received)), { "x-b": "1" });
    assert.deepEqual(fieldsOf(new Metadata({ "x-c": "2" }).merge(received)), { "x-c": "2", "x-b": "1" });
  });

  test("R34 a received name that is legal HTTP but not gRPC is kept, and left out when it is sent on", () => {
    const received = Metadata.fromRawHeaders(["x!y", "v", "x-b", "1"]);
    assert.equal(received.get("x!y"), "v");
    assert.deepEqual(fieldsOf(received), { "x-b": "1" });
  });

  test("R38 padded and unpadded base64 are the same bytes", () => {
    for (const [text, expected] of [
      ["AA", bytes(0)],
      ["AA==", bytes(0)],
      ["AAE", bytes(0, 1)],
      ["AAE=", bytes(0, 1)],
      ["AAEC", bytes(0, 1, 2)],
    ] as const) {
      assert.equal(malformedBinaryHeader(["y-bin", text]), undefined);
      assert.deepEqual(Metadata.fromRawHeaders(["y-bin", text]).getAll("y-bin"), [expected]);
    }
  });

  test("R39 a -bin value is split at commas, spaces around them allowed, order kept", () => {
    const expected = [bytes(0, 1), bytes(0, 2)];
    for (const raw of [
      ["y-bin", "AAE=,AAI"],
      ["y-bin", "AAE, AAI="],
      ["y-bin", "AAE", "y-bin", "AAI"],
    ]) {
      assert.deepEqual(Metadata.fromRawHeaders(raw).getAll("y-bin"), expected);
      assert.equal(malformedBinaryHeader(raw), undefined);
    }
  });

  test("R40 base64 with anything wrong in it is found by name and never decoded", () => {
    for (const text of ["A", "AAAAA", "A===", "AA=", "AAE==", "AA==AA==", "A A", "-_-_", "????", "AAE=,!", "AAEC="]) {
      assert.equal(malformedBinaryHeader(["x", "!", "y-bin", text]), "y-bin", text);
    }
    assert.deepEqual(Metadata.fromRawHeaders(["y-bin", "AAE,A,AAI"]).getAll("y-bin"), [bytes(0, 1), bytes(0, 2)]);
    assert.equal(malformedBinaryHeader(["x", "!", "y-binary", "!"]), undefined);
  });

  test("R42 several values of a name keep their order, and are not split at commas", () => {
    const raw = ["x", "1, 2", "y", "a", "x", "3", "x", "1, 2"];
    const received = Metadata.fromRawHeaders(raw);
    assert.deepEqual(received.getAll("x"), ["1, 2", "3", "1, 2"]);
    assert.equal(received.get("x"), "1, 2");
    assert.deepEqual(fieldsOf(received), { x: ["1, 2", "3", "1, 2"], y: "a" });
  });

  test("two values of a name that Node takes for single are still two", () => {
    const metadata = new Metadata().append("authorization", "a").append("authorization", "b");
    assert.deepEqual(fieldsOf(metadata), { authorization: ["a", "b"] });
    assert.deepEqual(Metadata.fromRawHeaders(rawOf(metadata)).getAll("authorization"), ["a", "b"]);
  });

  test("pseudo-headers, the transport's fields and the protocol's own are not shown", () => {
    const raw = [":path", "/a/b", "te", "trailers", "content-type", "application/grpc", "grpc-timeout", "1S", "x", "1"];
    assert.deepEqual([...Metadata.fromRawHeaders(raw)], [["x", "1"]]);
  });

  test("the open grpc- names are shown, grpc-status-details-bin as its bytes", () => {
    const raw = ["grpc-status", "5", "grpc-status-details-bin", "CAU", "grpc-retry-pushback-ms", "20"];
    const received = Metadata.fromRawHeaders(raw);
    assert.deepEqual([...received.keys()], ["grpc-status-details-bin", "grpc-retry-pushback-ms"]);
    assert.deepEqual(received.get("grpc-status-details-bin"), bytes(8, 5));
  });

  test("R37 R38 R42 whatever is set arrives as it was", () => {
    const pair = fc.oneof(
      fc.tuple(anyName, anyValue),
      fc.tuple(fc.constantFrom("a-bin", "b-bin"), fc.uint8Array({ maxLength: 12 })),
    );
    fc.assert(
      fc.property(fc.array(pair), (pairs) => {
        const sent = new Metadata(pairs as [string, string][]);
        const received = Metadata.fromRawHeaders(rawOf(sent));
        // By name: between names there is no order, and an object puts names that are numbers first.
        assert.deepEqual(received.toJSON(), sent.toJSON());
        assert.equal(malformedBinaryHeader(rawOf(sent)), undefined);
      }),
    );
  });

  test("R38 R40 any text of a -bin name is refused by name, or is the bytes that base64 says", () => {
    const nearly = fc.stringMatching(/^[A-Za-z0-9+/]{0,9}={0,3}(?:, ?[A-Za-z0-9+/_-]{0,5}=?)?$/);
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), (value) => {
        const raw = ["y-bin", value];
        const read = Metadata.fromRawHeaders(raw).getAll("y-bin");
        if (malformedBinaryHeader(raw) !== undefined) return;
        const pieces = value.split(",").map((piece) => Buffer.from(piece.trim(), "base64").toString("hex"));
        assert.deepEqual(
          read.map((one) => Buffer.from(one).toString("hex")),
          pieces,
        );
        for (const piece of value.split(",")) assert.match(piece.trim(), /^[A-Za-z0-9+/]*={0,2}$/);
      }),
      { numRuns: 2000 },
    );
  });

  test("R34 whatever is received, sending it on gives legal fields only", () => {
    const text = fc.string({ unit: fc.integer({ min: 1, max: 0xff }).map((code) => String.fromCharCode(code)) });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(anyName, text, fc.constant("y-bin")), text)), (pairs) => {
        const raw = rawOf(Metadata.fromRawHeaders(pairs.flat()));
        for (const [i, part] of raw.entries()) assert.match(part, i % 2 === 0 ? /^[0-9a-z_.-]+$/ : /^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe("Metadata: a multimap", () => {
  test("is made from an object of values and lists, from pairs, and from another one", () => {
    const expected = [
      ["a", "1"],
      ["b", "2"],
      ["b", "3"],
      ["c-bin", bytes(4)],
    ];
    const object = new Metadata({ a: "1", b: ["2", "3"], "c-bin": bytes(4) });
    assert.deepEqual([...object], expected);
    assert.deepEqual([...new Metadata(expected as [string, string | Uint8Array][])], expected);
    assert.deepEqual([...new Metadata(new Map([["a", "1"]]))], [["a", "1"]]);
    assert.deepEqual([...new Metadata(object)], expected);
    assert.deepEqual([...new Metadata()], []);
  });

  test("cannot be made from anything else", () => {
    for (const init of ["a=1", 5, true] as unknown[]) {
      assert.throws(() => new Metadata(init as MetadataInit), {
        name: "TypeError",
        message: /must be an object or pairs/,
      });
    }
  });

  test("a copy is its own", () => {
    const original = new Metadata({ a: ["1", "2"] });
    const copy = new Metadata(original).append("a", "3");
    copy.getAll("a").push("4");
    assert.deepEqual(original.getAll("a"), ["1", "2"]);
    assert.deepEqual(copy.getAll("a"), ["1", "2", "3"]);
  });

  test("set replaces every value, delete removes them and says whether there was one", () => {
    const metadata = new Metadata({ a: ["1", "2"], b: "3" }).set("a", "4");
    assert.deepEqual(metadata.getAll("a"), ["4"]);
    assert.equal(metadata.delete("a"), true);
    assert.equal(metadata.delete("a"), false);
    assert.equal(metadata.get("a"), undefined);
    assert.deepEqual(metadata.getAll("a"), []);
    assert.equal(metadata.has("a"), false);
    assert.equal(metadata.size, 1);
  });

  test("merge adds behind what is there", () => {
    const metadata = new Metadata({ a: "1" }).merge(new Metadata({ b: "2", a: "3" }));
    assert.deepEqual(
      [...metadata],
      [
        ["a", "1"],
        ["a", "3"],
        ["b", "2"],
      ],
    );
  });

  test("keys gives each name once, in the order of first values", () => {
    const metadata = new Metadata([
      ["b", "1"],
      ["a", "2"],
      ["b", "3"],
    ]);
    assert.deepEqual([...metadata.keys()], ["b", "a"]);
  });

  test("console.log and JSON show what is in it", () => {
    const metadata = new Metadata({ a: ["1", "2"], "b-bin": bytes(1) });
    assert.match(inspect(metadata), /^Metadata .*a: \[ '1', '2' \].*'b-bin': \[ Uint8Array\(1\) \[ 1 \] \]/s);
    assert.equal(JSON.stringify(new Metadata({ a: "1" })), '{"a":["1"]}');
  });

  test("names of Object.prototype are names like any other", () => {
    const names = ["__proto__", "constructor", "tostring", "hasownproperty"];
    const metadata = new Metadata();
    for (const name of names) {
      assert.equal(metadata.get(name), undefined);
      assert.equal(metadata.has(name), false);
      metadata.append(name, "1").append(name, "2");
    }
    assert.deepEqual(Metadata.fromRawHeaders(rawOf(metadata)).toJSON(), metadata.toJSON());
    assert.deepEqual(Object.keys(fieldsOf(metadata)), names);
    assert.deepEqual([...metadata.keys()], names);
  });
});
