/**
 * The scripted peer itself: what it reads is what was written, before anything is proved with it.
 */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { describe, test } from "node:test";
import { encodeFields, HpackDecoder, type Field } from "../support/http2-hpack.js";
import { encodeHeaders, fieldAll, RawClient, RawServer } from "../support/peer.js";

describe("HpackDecoder", () => {
  test("reads what encodeFields writes, long strings and odd bytes included", () => {
    const fields: Field[] = [
      [":status", "200"],
      ["x-empty", ""],
      ["x-long", "v".repeat(100_000)],
      ["x-bytes", String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))],
    ];
    assert.deepEqual(new HpackDecoder().decode(encodeFields(fields)), fields);
  });

  test("reads the examples of RFC 7541, with and without Huffman, with a table that lasts", () => {
    const examples: readonly (readonly [hex: string, added: Field])[] = [
      ["828684410f7777772e6578616d706c652e636f6d", [":authority", "www.example.com"]],
      ["828684be58086e6f2d6361636865", ["cache-control", "no-cache"]],
    ];
    const plain = new HpackDecoder();
    for (const [hex, added] of examples) assert.deepEqual(plain.decode(Buffer.from(hex, "hex")).at(-1), added);
    const huffman = new HpackDecoder();
    for (const hex of ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf"]) {
      huffman.decode(Buffer.from(hex, "hex"));
    }
    const third = huffman.decode(Buffer.from("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", "hex"));
    assert.deepEqual(third, [
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ]);
  });

  test("reads what Node writes: every byte a value may hold, and names that repeat", async () => {
    const server = await RawServer.listen();
    const session = connect(`http://127.0.0.1:${server.port}`);
    try {
      const connection = await server.connection();
      for (let i = 0; i < 3; i++) {
        const bytes = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => ![0, 10, 13].includes(byte));
        const value = `a${String.fromCharCode(...bytes)}${"a".repeat(2000)}`;
        session.request({ ":path": `/${i}`, "x-all": value, "x-two": ["1", "2"] }).on("error", () => undefined);
        const { fields, streamId } = await connection.request();
        assert.deepEqual(fieldAll(fields, ":path"), [`/${i}`]);
        assert.deepEqual(fieldAll(fields, "x-all"), [value]);
        assert.deepEqual(fieldAll(fields, "x-two"), ["1", "2"]);
        connection.reset(streamId, 0);
      }
    } finally {
      session.destroy();
      await server.close();
    }
  });
});

describe("Peer", () => {
  test("a block over one frame is CONTINUATION frames, which come in as one block", async () => {
    const server = await RawServer.listen();
    const client = await RawClient.connect(server.port);
    try {
      const connection = await server.connection();
      const big: Field = ["x-big", "v".repeat(50_000)];
      assert.equal(encodeHeaders(1, [big], true).filter((byte) => byte === 0x76).length, 50_000);
      client.headers(1, [big], { endStream: true });
      const frame = await connection.frame("HEADERS", 1);
      assert.deepEqual(frame.fields, [big]);
      assert.ok(frame.endStream);
    } finally {
      client.destroy();
      await server.close();
    }
  });

  test("waiting for a frame fails, with what came instead, when the connection ends", async () => {
    const server = await RawServer.listen();
    const client = await RawClient.connect(server.port);
    try {
      const connection = await server.connection();
      const waiting = connection.frame("GOAWAY");
      client.reset(3, 8);
      client.end();
      await assert.rejects(waiting, /wanted GOAWAY .*3:RST_STREAM\(8\)/);
    } finally {
      client.destroy();
      await server.close();
    }
  });
});
