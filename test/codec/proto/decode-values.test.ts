/** Whose memory the bytes of a decoded message are. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { loadProto } from "../../../src/codec/proto/load.js";
import { createReader } from "../../../src/codec/proto/wire.js";

const TEXT = 'syntax = "proto3"; package m; message Blob { bytes body = 1; repeated bytes more = 2; }';
const blob = loadProto({ "blob.proto": TEXT }).message("m.Blob");

interface Blob {
  body: Uint8Array;
  more: Uint8Array[];
}

function decode(bytes: Uint8Array, give?: boolean): Blob {
  return blob.decodeFrom?.(createReader(bytes, give), bytes.length, 1000) as unknown as Blob;
}

function encoded(message: Partial<Blob>): Uint8Array {
  // In memory of its own, as what was received for one message is.
  return new Uint8Array(blob.encode(message));
}

describe("the bytes of a message", () => {
  for (const length of [1, 32, 33, 64, 65, 1023, 1024, 1025, 8192, 20_000, 100_000]) {
    test(`${length} of them are what was sent, and a copy where the memory is not given away`, () => {
      const body = Uint8Array.from({ length }, (_, i) => i * 7);
      const wire = encoded({ body });
      const message = decode(wire);
      const published = blob.decode(wire) as unknown as Blob;
      wire.fill(0);
      for (const copy of [message.body, published.body]) {
        assert.equal(Object.getPrototypeOf(copy), Uint8Array.prototype);
        assert.deepEqual(copy, body);
      }
    });
  }

  test("values that share a slab do not overlap, over its end either", () => {
    const more = Array.from({ length: 200 }, (_, i) => new Uint8Array(65 + ((i * 37) % 950)).fill(i));
    const message = decode(encoded({ more }));
    assert.deepEqual(message.more, more);
    for (const value of message.more) value.fill(255);
    assert.deepEqual(decode(encoded({ more })).more, more, "nor do they share with those that come later");
  });

  test("a value in a slab cannot be taken away to another thread, which would empty its neighbours", () => {
    const { more } = decode(encoded({ more: [new Uint8Array(100), new Uint8Array(100).fill(7)] }));
    const [value, neighbour] = more as [Uint8Array, Uint8Array];
    assert.equal(value.buffer, neighbour.buffer);
    try {
      // Copied on older versions of Node, refused on newer ones.
      structuredClone(value, { transfer: [value.buffer as ArrayBuffer] });
    } catch (error) {
      assert.equal((error as Error).name, "DataCloneError");
    }
    assert.deepEqual(neighbour, new Uint8Array(100).fill(7));
  });

  test("what is most of the memory that was given away stays in it", () => {
    const body = new Uint8Array(100_000).fill(7);
    const wire = encoded({ body });
    assert.equal(decode(wire, true).body.buffer, wire.buffer);
    assert.deepEqual(decode(wire, true).body, body);
    assert.notEqual(decode(wire, false).body.buffer, wire.buffer);
  });

  test("what is a small part of the memory that was given away is copied, so that it does not hold the rest", () => {
    const wire = encoded({ body: new Uint8Array(20_000), more: [new Uint8Array(80_000)] });
    const message = decode(wire, true);
    assert.notEqual(message.body.buffer, wire.buffer);
    assert.equal(message.more[0]?.buffer, wire.buffer);
  });
});
