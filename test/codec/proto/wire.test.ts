/** What the runtime relies on in protobufjs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createReader, createWriter, reserve, rewind, tagOf, WireType } from "../../../src/codec/proto/wire.js";

test("the writer of protobufjs has the undocumented members the runtime relies on", () => {
  const writer = createWriter();
  assert.equal(writer.pos, 0);
  assert.ok(Buffer.isBuffer(writer.buf), "buf must be a Buffer");
  assert.equal(writer.states, null);
  assert.equal(writer.view, null);
  assert.equal(typeof Reflect.get(writer, "_reserve"), "function");
  assert.ok("utf8Write" in writer.buf, "Buffer must have utf8Write");
  assert.ok("utf8Slice" in writer.buf, "Buffer must have utf8Slice");
});

test("the writer of protobufjs writes at pos into buf, and leaves what lies before alone", () => {
  const writer = createWriter();
  const own = Buffer.alloc(64, 0xee);
  writer.buf = own;
  writer.pos = 5;
  writer.uint32(300);
  assert.equal(writer.pos, 7);
  assert.equal(writer.buf, own);
  assert.deepEqual([...own.subarray(0, 8)], [0xee, 0xee, 0xee, 0xee, 0xee, 0xac, 0x02, 0xee]);
});

test("the writer of protobufjs grows into another buffer and copies", () => {
  const writer = createWriter();
  const own = Buffer.alloc(8, 0xee);
  writer.buf = own;
  writer.pos = 4;
  writer.raw(Buffer.alloc(100, 1));
  assert.notEqual(writer.buf, own);
  assert.deepEqual([...writer.buf.subarray(0, 6)], [0xee, 0xee, 0xee, 0xee, 1, 1]);
  assert.deepEqual([...own], [0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee]);
});

test("fork leaves a state behind that rewind clears", () => {
  const writer = createWriter();
  writer.uint32(1);
  writer.fork().uint32(2);
  assert.deepEqual(writer.states, [1]);
  rewind(writer, 1);
  assert.equal(writer.pos, 1);
  assert.deepEqual(writer.states, []);
  rewind(createWriter(), 0);
});

test("reserve makes room only where there is none", () => {
  const writer = createWriter();
  const before = writer.buf;
  reserve(writer, before.length);
  assert.equal(writer.buf, before);
  reserve(writer, before.length + 1);
  assert.ok(writer.buf.length > before.length);
});

test("createReader reads Buffers and Uint8Arrays without copying them", () => {
  const bytes = new Uint8Array([9, 0x96, 0x01, 7]).subarray(1);
  const reader = createReader(bytes);
  assert.ok(Buffer.isBuffer(reader.buf));
  assert.equal(reader.buf.buffer, bytes.buffer);
  assert.equal(reader.uint32(), 150);
  assert.equal(reader.pos, 2);
  assert.equal(reader.len, 3);
  assert.equal(createReader(Buffer.from([5])).uint32(), 5);
});

test("tagOf puts the field number above the wire type, up to the largest number", () => {
  assert.equal(tagOf(1, WireType.LEN), 10);
  assert.equal(tagOf(536_870_911, WireType.I32), 0xffff_fffd);
});
