/**
 * HPACK, held against the RFC's examples and against what node:http2 writes.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, sensitiveHeaders } from "node:http2";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CLIENT_PREFACE, FrameDecoder, parseFrame } from "../../../src/codec/http2/frame.js";
import { HpackDecoder, type HeaderField } from "../../../src/codec/http2/hpack.js";
import { decodeHuffman } from "../../../src/codec/http2/huffman.js";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ""), "hex");
}

function pairs(fields: readonly HeaderField[]): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

/** RFC 7541, Appendix C: the blocks of one connection, what they mean, and the table's size behind each. */
const EXAMPLES: Readonly<Record<string, readonly (readonly [block: string, fields: string[], tableBytes: number])[]>> =
  {
    "C.2.1 a literal that is remembered": [
      ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", ["custom-key: custom-header"], 55],
    ],
    "C.2.2 a literal that is not": [["040c 2f73 616d 706c 652f 7061 7468", [":path: /sample/path"], 0]],
    "C.2.3 a literal that never is": [["1008 7061 7373 776f 7264 0673 6563 7265 74", ["password: secret"], 0]],
    "C.2.4 an index": [["82", [":method: GET"], 0]],
    "C.3 requests without Huffman": [
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
        57,
      ],
      [
        "8286 84be 5808 6e6f 2d63 6163 6865",
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
        110,
      ],
      [
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        [
          ":method: GET",
          ":scheme: https",
          ":path: /index.html",
          ":authority: www.example.com",
          "custom-key: custom-value",
        ],
        164,
      ],
    ],
    "C.4 requests with Huffman": [
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
        57,
      ],
      [
        "8286 84be 5886 a8eb 1064 9cbf",
        [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com", "cache-control: no-cache"],
        110,
      ],
      [
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        [
          ":method: GET",
          ":scheme: https",
          ":path: /index.html",
          ":authority: www.example.com",
          "custom-key: custom-value",
        ],
        164,
      ],
    ],
  };

/** Appendix C.5 and C.6 have a table of 256 bytes, from which entries fall out. */
const RESPONSES: readonly (readonly [plain: string, huffman: string, fields: string[], tableBytes: number])[] = [
  [
    "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    [
      ":status: 302",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:21 GMT",
      "location: https://www.example.com",
    ],
    222,
  ],
  [
    "4803 3330 37c1 c0bf",
    "4883 640e ffc1 c0bf",
    [
      ":status: 307",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:21 GMT",
      "location: https://www.example.com",
    ],
    222,
  ],
];

describe("HpackDecoder", () => {
  for (const [name, blocks] of Object.entries(EXAMPLES)) {
    test(`RFC 7541 ${name}`, () => {
      const decoder = new HpackDecoder();
      for (const [block, fields, tableBytes] of blocks) {
        assert.deepEqual(pairs(decoder.decode(hex(block))), fields);
        assert.equal(decoder.tableBytes, tableBytes);
      }
    });
  }

  for (const [name, which] of [
    ["C.5 responses without Huffman", 0],
    ["C.6 responses with Huffman", 1],
  ] as const) {
    test(`RFC 7541 ${name}: a table of 256 bytes forgets`, () => {
      const decoder = new HpackDecoder();
      // A change of the table's size to 256, which the RFC takes as agreed.
      decoder.decode(hex("3fe101"));
      for (const [plain, huffman, fields, tableBytes] of RESPONSES) {
        assert.deepEqual(pairs(decoder.decode(hex(which === 0 ? plain : huffman))), fields);
        assert.equal(decoder.tableBytes, tableBytes);
      }
    });
  }

  test("says how a field was written", () => {
    const decoder = new HpackDecoder();
    const [indexed] = decoder.decode(hex("82"));
    const [plain] = decoder.decode(hex("040c 2f73 616d 706c 652f 7061 7468"));
    const [never] = decoder.decode(hex("1008 7061 7373 776f 7264 0673 6563 7265 74"));
    const [remembered] = decoder.decode(hex("4003 6162 6301 78"));
    assert.deepEqual(
      [indexed, plain, never, remembered].map((field) => field?.representation),
      ["indexed", "plain", "never-indexed", "remembered"],
    );
  });

  for (const [what, block, reason] of [
    ["index 0", "80", /index 0 names no entry/],
    ["an index beyond the tables", "ff 80 01", /names no entry/],
    ["a string that is cut", "40 0a 61", /ends in the middle of a string/],
    ["an integer without an end", "7f ff ff ff ff ff ff ff ff ff ff ff", /too large/],
    ["a table larger than allowed", "3f e2 1f", /is to have 4097 bytes, 4096 are allowed/],
    ["a change of size behind a field", "82 20", /comes behind a field/],
    ["nothing behind a literal", "40", /ends in the middle of a field/],
    ["Huffman padding of zeros", "40 81 00 00", /not padded/],
    ["a Huffman string that says where it ends", "40 84 ff ff ff ff 00", /says where it ends/],
  ] as const) {
    test(`refuses ${what}, and every block after it`, () => {
      const decoder = new HpackDecoder();
      assert.throws(() => decoder.decode(hex(block)), { name: "RangeError", message: reason });
      assert.throws(() => decoder.decode(hex("82")), /an earlier header block could not/);
    });
  }

  test("a block cannot make more of itself than the limit: one entry named a thousand times", () => {
    const decoder = new HpackDecoder({ maxListBytes: 100_000 });
    const value = Buffer.concat([hex("4001 61 7f 81 1e"), Buffer.alloc(4000, 98)]);
    assert.throws(
      () => decoder.decode(Buffer.concat([value, Buffer.alloc(1000, 0xbe)])),
      /larger than the limit of 100000 bytes/,
    );
  });

  test("whatever the bytes, it reads or throws a RangeError", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder();
        for (const block of blocks) {
          try {
            decoder.decode(block);
          } catch (error) {
            assert.ok(error instanceof RangeError);
          }
        }
      }),
    );
  });

  test("reads what node:http2 writes, block after block of one connection", async () => {
    const server = createServer();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "x-long": "é\u0001~".repeat(9), "set-cookie": ["a=1", "b=2"] });
      stream.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const seen: Buffer[] = [];
    const proxy = createTcpServer((socket) => {
      const upstream = connectTcp((server.address() as AddressInfo).port, "127.0.0.1");
      socket.on("data", (chunk) => seen.push(chunk));
      socket.pipe(upstream).pipe(socket);
      socket.on("error", () => upstream.destroy());
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const client = connect(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const wanted: Record<string, string>[] = [];
    for (let i = 0; i < 20; i++) {
      const headers = {
        ":path": `/s/${i % 3}`,
        "x-id": String(i % 5),
        "x-same": "v".repeat(300 * (i % 4)),
        secret: "s",
      };
      wanted.push(headers);
      const stream = client.request({ ...headers, [sensitiveHeaders]: ["secret"] });
      stream.resume();
      await once(stream, "close");
    }
    client.close();
    await once(client, "close");
    server.close();
    proxy.close();

    const decoder = new HpackDecoder();
    const bytes = Buffer.concat(seen);
    assert.deepEqual(bytes.subarray(0, 24), CLIENT_PREFACE);
    const blocks = new FrameDecoder()
      .push(bytes.subarray(24))
      .map(parseFrame)
      .filter((frame) => frame.type === "HEADERS")
      .map(({ fragment }) => decoder.decode(fragment));
    assert.equal(blocks.length, 20);
    for (const [i, fields] of blocks.entries()) {
      const map = new Map(fields.map((field) => [field.name, field]));
      for (const [name, value] of Object.entries(wanted[i] ?? {})) assert.equal(map.get(name)?.value, value);
      assert.equal(map.get("secret")?.representation, "never-indexed");
    }
    assert.ok(blocks.at(-1)?.some(({ representation }) => representation === "indexed"));
  });
});

test("decodeHuffman reads short and long codes", () => {
  // One symbol of each of the longest lengths, padded with ones: a table with one wrong length would move them all.
  assert.equal(decodeHuffman(hex("f1e3c2e5f23a6ba0ab90f4ff")), "www.example.com");
  assert.equal(decodeHuffman(hex("ffc7")), "\0");
  assert.equal(decodeHuffman(hex("fffffff3")), "\n");
  assert.equal(decodeHuffman(hex("ffffffdf")), "\xdc");
  assert.equal(decodeHuffman(hex("ffffffef")), "\xf9");
  assert.equal(decodeHuffman(hex("fffffbbf")), "\xff");
  assert.equal(decodeHuffman(new Uint8Array(0)), "");
});
