/**
 * What a server does with a request's header block: good ones, odd ones, and every bad one by name.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, Server, type HandlerCall } from "../../src/core.js";
import { decodeSettings, ErrorCode, Setting } from "../support/http2-frame.js";
import type { Field } from "../support/http2-hpack.js";
import { DROPS_SPACED_VALUES } from "../support/node-version.js";
import { field, fieldAll, RawClient } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { call, exchange, served } from "../support/peer-served.js";
import { messagesIn, prefixed, requestFields, Wire, withField } from "../support/peer-service.js";

guardProcess();

const UNARY = "/wire.Wire/Unary";
const HELLO = [prefixed("hello")];

/** Sends one request per block of fields to a server whose unary handler counts, and hands the replies to `check`. */
async function refused(
  blocks: readonly (readonly Field[])[],
  check: (reply: Awaited<ReturnType<typeof exchange>>, block: readonly Field[]) => void,
): Promise<void> {
  let ran = 0;
  const unary = (request: Uint8Array): Uint8Array => {
    ran++;
    return request;
  };
  await served({ unary }, async ({ connect }) => {
    const client = await connect();
    for (const block of blocks) check(await exchange(client, block, HELLO), block);
  });
  assert.equal(ran, 0, "no handler ran");
}

describe("method", () => {
  test("R17 anything but POST is answered 405 with allow: POST, and no handler runs", async () => {
    const methods = ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "BREW"];
    await refused(
      methods.map((method) => withField(requestFields(UNARY), ":method", method)),
      ({ headers, trailers, order, grpcStatus }) => {
        assert.equal(field(headers, ":status"), "405");
        assert.equal(field(headers, "allow"), "POST");
        assert.equal(grpcStatus, Code.INTERNAL);
        assert.equal(headers, trailers, "one block is the whole response");
        assert.equal(order[0], "HEADERS+END_STREAM");
      },
    );
  });
});

describe("content-type", () => {
  test("R18 R19 a type that is missing or not gRPC's is answered 415, and no handler runs", async () => {
    const types = [
      undefined,
      "",
      "text/plain",
      "application/json",
      "application/grpcfoo",
      "application/grpc-web",
      "application/grpc-web+proto",
      "xapplication/grpc",
      "application/grpc+",
    ];
    await refused(
      types.map((type) => withField(requestFields(UNARY), "content-type", type)),
      ({ headers, order }, block) => {
        const type = String(field(block, "content-type"));
        assert.equal(field(headers, ":status"), "415", type);
        assert.equal(order[0], "HEADERS+END_STREAM", type);
      },
    );
  });

  test("R19 R21 gRPC's own type is taken in every spelling, and the response uses the request's subtype", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      for (const [type, answered] of [
        ["application/grpc", "application/grpc"],
        ["application/grpc+proto", "application/grpc+proto"],
        ["Application/GRPC", "application/grpc"],
        ["application/grpc;charset=utf-8", "application/grpc"],
        ["application/grpc+proto; charset=utf-8", "application/grpc+proto"],
      ] as const) {
        const reply = await exchange(client, withField(requestFields(UNARY), "content-type", type), HELLO);
        assert.equal(reply.grpcStatus, Code.OK, type);
        assert.equal(field(reply.headers, "content-type"), answered, type);
        assert.deepEqual(messagesIn(reply.data), ["hello"]);
      }
    });
  });

  test("R20 an unknown subtype is UNIMPLEMENTED by name and never parsed as protobuf", async () => {
    await refused(
      ["foo", "json"].map((subtype) => withField(requestFields(UNARY), "content-type", `application/grpc+${subtype}`)),
      ({ grpcStatus, grpcMessage }, block) => {
        const subtype = String(field(block, "content-type")).split("+")[1] ?? "";
        assert.equal(grpcStatus, Code.UNIMPLEMENTED);
        assert.ok(grpcMessage.includes(`"${subtype}"`), grpcMessage);
      },
    );
  });
});

describe("path", () => {
  test("R25 a path that names no method is UNIMPLEMENTED and says which part is unknown", async () => {
    const paths: readonly (readonly [path: string, said: string])[] = [
      ["/", "malformed"],
      ["/x", "malformed"],
      ["//", "unknown service"],
      ["//Unary", "unknown service"],
      ["/wire.Wire/", "unknown method"],
      ["/wire.Wire/Nope", '"Nope" of service "wire.Wire"'],
      ["/wire.Wire/unary", '"unary" of service "wire.Wire"'],
      ["/wire.wire/Unary", 'unknown service "wire.wire"'],
      ["/nope.Nope/Unary", 'unknown service "nope.Nope"'],
      ["/wire.Wire/Unary/more", 'unknown service "wire.Wire/Unary"'],
      ["/wire.Wire/Unary?q=1", '"Unary?q=1"'],
      ["/__proto__/constructor", 'unknown service "__proto__"'],
      ["/wire.Wire/__proto__", '"__proto__"'],
    ];
    await refused(
      paths.map(([path]) => requestFields(path)),
      ({ grpcStatus, grpcMessage, headers }, block) => {
        const [path, said] = paths.find(([one]) => one === field(block, ":path")) ?? ["", ""];
        assert.equal(grpcStatus, Code.UNIMPLEMENTED, path);
        assert.equal(field(headers, ":status"), "200", path);
        assert.ok(grpcMessage.includes(said), `${path}: ${grpcMessage}`);
      },
    );
  });

  test("R25 a known method without a handler is UNIMPLEMENTED and named", async () => {
    const server = new Server().add(Wire, {});
    const { port } = await server.listen("127.0.0.1:0");
    const client = await RawClient.connect(port);
    try {
      const reply = await call(client, UNARY, HELLO);
      assert.equal(reply.grpcStatus, Code.UNIMPLEMENTED);
      assert.ok(reply.grpcMessage.includes('"Unary" of service "wire.Wire" is not implemented'), reply.grpcMessage);
    } finally {
      client.destroy();
      await server.close({ graceMs: 0 });
    }
  });

  test("a path of many kilobytes is repeated cut and escaped", async () => {
    const path = `/wire.Wire/${"\u00e4".repeat(5000)}`;
    await refused([requestFields(path)], ({ grpcStatus, grpcMessage }) => {
      assert.equal(grpcStatus, Code.UNIMPLEMENTED);
      assert.ok(grpcMessage.length < 4096, `${grpcMessage.length} bytes`);
      assert.match(grpcMessage, /^[ -~]*$/);
    });
  });
});

describe("te, host, connection", () => {
  test("R22 a request without te runs; te with another value is reset with PROTOCOL_ERROR", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const without = await exchange(client, withField(requestFields(UNARY), "te", undefined), HELLO);
      assert.equal(without.grpcStatus, Code.OK);
      const odd = await exchange(client, withField(requestFields(UNARY), "te", "gzip"), HELLO);
      assert.equal(odd.resetCode, ErrorCode.PROTOCOL_ERROR);
      assert.deepEqual(odd.order, ["RST_STREAM(1)"]);
    });
  });

  test("R23 R27 the authority is :authority, or the one host where that is missing; host is no metadata", async () => {
    const seen: unknown[] = [];
    const unary = (request: Uint8Array, { authority, metadata }: HandlerCall): Uint8Array => {
      seen.push([authority, metadata.has("host")]);
      return request;
    };
    const without = withField(requestFields(UNARY), ":authority", undefined);
    await served({ unary }, async ({ connect }) => {
      const client = await connect();
      for (const fields of [
        requestFields(UNARY),
        [...without, ["host", "older.test:80"] as const],
        requestFields(UNARY, [["host", "ignored.test"]]),
      ]) {
        assert.equal((await exchange(client, fields, HELLO)).grpcStatus, Code.OK);
      }
    });
    assert.deepEqual(seen, [
      ["wire.test", false],
      ["older.test:80", false],
      ["wire.test", false],
    ]);
  });

  test("R23 neither of :authority and host, or two of one, is reset with PROTOCOL_ERROR, and no handler runs", async () => {
    const without = withField(requestFields(UNARY), ":authority", undefined);
    const [method = [":method", "POST"], ...others] = requestFields(UNARY);
    await refused(
      [
        without,
        [method, [":authority", "first.test"], ...others],
        [...without, ["host", "first.test"], ["host", "second.test"]],
      ],
      ({ order }) => assert.deepEqual(order, ["RST_STREAM(1)"]),
    );
  });

  test("R24 a connection-specific field is reset with PROTOCOL_ERROR, and no handler runs", async () => {
    const fields: readonly Field[] = [
      ["connection", "close"],
      ["keep-alive", "5"],
      ["proxy-connection", "close"],
      ["transfer-encoding", "chunked"],
      ["upgrade", "h2c"],
    ];
    await refused(
      fields.map((one) => requestFields(UNARY, [one])),
      ({ order }) => assert.deepEqual(order, ["RST_STREAM(1)"]),
    );
  });

  test("a host instead of :authority runs; two hosts, neither, and a malformed block are reset", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const bare = withField(requestFields(UNARY), ":authority", undefined);
      const host: Field = ["host", "wire.test"];
      assert.equal((await exchange(client, [...bare, host], HELLO)).grpcStatus, Code.OK);
      for (const block of [
        bare,
        [...bare, host, host],
        withField(requestFields(UNARY), ":path", undefined),
        withField(requestFields(UNARY), ":path", "no-slash"),
        withField(requestFields(UNARY), ":method", undefined),
        requestFields(UNARY, [["Upper-Case", "x"]]),
        requestFields(UNARY, [[":late", "x"]]),
      ]) {
        const reply = await exchange(client, block, HELLO);
        assert.deepEqual(reply.order, ["RST_STREAM(1)"], JSON.stringify(block));
      }
    });
  });
});

describe("grpc-timeout", () => {
  test("R26 a malformed grpc-timeout is INTERNAL, names the header, and no handler runs", async () => {
    const values = [
      ...["", "S", "5", "5x", "5s", "5N", "-5S", "+5S", "5 S", "1.5S", "0x5S", "123456789S", "1e3m"],
      ...["5Sx", "x5S", "5SS", "5S;", "5S,5S", "\u00b2S"],
    ];
    await refused(
      values.map((value) => requestFields(UNARY, [["grpc-timeout", value]])),
      ({ grpcStatus, grpcMessage }, block) => {
        const value = JSON.stringify(field(block, "grpc-timeout"));
        assert.equal(grpcStatus, Code.INTERNAL, value);
        assert.ok(grpcMessage.includes("grpc-timeout"), grpcMessage);
      },
    );
  });

  test("R26 a grpc-timeout given twice is malformed", async () => {
    const twice: readonly Field[] = [
      ["grpc-timeout", "5S"],
      ["grpc-timeout", "6S"],
    ];
    await refused([requestFields(UNARY, twice)], ({ grpcStatus }) => assert.equal(grpcStatus, Code.INTERNAL));
  });

  test("R95 all six units are understood, and the handler sees the deadline", async () => {
    const unary = (_: Uint8Array, { deadline }: { deadline: Date | undefined }): Uint8Array =>
      Buffer.from(String((deadline?.getTime() ?? Number.NaN) - Date.now()));
    await served({ unary }, async ({ connect }) => {
      const client = await connect();
      for (const [value, ms] of [
        ["99999999n", 99.999999],
        ["500000u", 500],
        ["60000m", 60_000],
        ["7S", 7000],
        ["3M", 180_000],
        ["2H", 7_200_000],
        ["00000002H", 7_200_000],
      ] as const) {
        const reply = await call(client, UNARY, HELLO, [["grpc-timeout", value]]);
        assert.equal(reply.grpcStatus, Code.OK, value);
        const left = Number(messagesIn(reply.data)[0]);
        assert.ok(left <= ms + 1 && left > ms - 90, `${value}: ${left} ms left`);
      }
    });
  });

  test("R103 without grpc-timeout a handler has no deadline", async () => {
    const deadlines: unknown[] = [];
    const unary = (request: Uint8Array, { deadline }: { deadline: Date | undefined }): Uint8Array => {
      deadlines.push(deadline);
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      assert.equal((await call(await connect(), UNARY, HELLO)).grpcStatus, Code.OK);
    });
    assert.deepEqual(deadlines, [undefined]);
  });
});

describe("grpc-encoding", () => {
  test("R122 an unsupported coding is UNIMPLEMENTED, names both sides, and tells what is accepted", async () => {
    for (const coding of ["gzip-9000", "br", "identity,gzip"]) {
      await refused([requestFields(UNARY, [["grpc-encoding", coding]])], ({ headers, grpcStatus, grpcMessage }) => {
        assert.equal(grpcStatus, Code.UNIMPLEMENTED, coding);
        assert.ok(grpcMessage.includes(`"${coding}"`), grpcMessage);
        assert.ok(grpcMessage.includes("identity"), grpcMessage);
        const accepted = field(headers, "grpc-accept-encoding")?.split(",") ?? [];
        assert.ok(accepted.includes("identity") && !accepted.includes(coding), String(accepted));
      });
    }
  });

  test("identity said out loud is no coding", async () => {
    await served({}, async ({ connect }) => {
      const reply = await call(await connect(), UNARY, HELLO, [["grpc-encoding", "identity"]]);
      assert.equal(reply.grpcStatus, Code.OK);
    });
  });
});

describe("size", () => {
  test("R28 a header list over the limit is reset with ENHANCE_YOUR_CALM, one below it runs", async () => {
    await served({}, async ({ connect }) => {
      const client = await connect();
      const below = await call(client, UNARY, HELLO, [["x-big", "b".repeat(15_000)]]);
      assert.equal(below.grpcStatus, Code.OK);
      const above = await exchange(client, requestFields(UNARY, [["x-big", "b".repeat(17_000)]]), HELLO);
      assert.deepEqual(above.order, ["RST_STREAM(11)"]);
    });
  });

  test("R28 10,000 header fields are a reset and nothing worse", async () => {
    const many = Array.from({ length: 10_000 }, (_, i): Field => [`x${i}`, ""]);
    await served({}, async ({ connect }) => {
      const client = await connect();
      const streamId = client.open(requestFields(UNARY, many), { endStream: true });
      const reply = await client.reply(streamId);
      assert.deepEqual(reply.order, ["RST_STREAM(11)"]);
    });
  });

  test("R45 a header block in CONTINUATION frames is one block", async () => {
    const value = "c".repeat(60_000);
    const unary = (_: Uint8Array, { metadata }: { metadata: { get(name: "x-big"): string | undefined } }): Uint8Array =>
      Buffer.from(String(metadata.get("x-big")?.length));
    await served(
      { unary },
      async ({ connect }) => {
        const reply = await call(await connect(), UNARY, HELLO, [["x-big", value]]);
        assert.deepEqual(messagesIn(reply.data), ["60000"]);
      },
      { maxHeaderListBytes: 64 * 1024 },
    );
  });
});

describe("metadata of a request", () => {
  test("R27 the protocol's own fields are not shown to handlers, the open ones are", async () => {
    let names: string[] = [];
    const unary = (request: Uint8Array, { metadata }: { metadata: { keys(): Iterable<string> } }): Uint8Array => {
      names = [...metadata.keys()];
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      await call(await connect(), UNARY, HELLO, [
        ["grpc-timeout", "10S"],
        ["grpc-encoding", "identity"],
        ["grpc-accept-encoding", "identity"],
        ["grpc-message-type", "wire.Bytes"],
        ["grpc-previous-rpc-attempts", "2"],
        ["grpc-retry-pushback-ms", "10"],
        ["grpc-made-up", "x"],
        ["user-agent", "grpc-raw/1"],
        ["x-own", "y"],
      ]);
    });
    assert.deepEqual(names, ["grpc-previous-rpc-attempts", "grpc-retry-pushback-ms", "user-agent", "x-own"]);
  });

  test("R42 several values of a name keep their order, and commas stay inside values", async () => {
    let values: unknown[] = [];
    const unary = (
      request: Uint8Array,
      { metadata }: { metadata: { getAll(name: string): unknown[] } },
    ): Uint8Array => {
      values = [metadata.getAll("x-a"), metadata.getAll("authorization"), metadata.getAll("cookie")];
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      await call(await connect(), UNARY, HELLO, [
        ["x-a", "1,2"],
        ["x-b", "between"],
        ["x-a", "3"],
        ["authorization", "first"],
        ["authorization", "second"],
        ["x-a", "1,2"],
        ["cookie", "a=1"],
        ["cookie", "b=2"],
      ]);
    });
    assert.deepEqual(values, [
      ["1,2", "3", "1,2"],
      ["first", "second"],
      ["a=1", "b=2"],
    ]);
  });

  test("R33 a value with spaces at its ends reaches the handler without them, or not at all where Node drops it", async () => {
    let values: unknown[] = [];
    const unary = (
      request: Uint8Array,
      { metadata }: { metadata: { getAll(name: string): unknown[] } },
    ): Uint8Array => {
      values = metadata.getAll("x-a");
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      const spaced = [" before", "after ", "\t both ", "in the middle"].map((value): Field => ["x-a", value]);
      assert.equal((await call(await connect(), UNARY, HELLO, spaced)).grpcStatus, Code.OK);
    });
    assert.deepEqual(values, DROPS_SPACED_VALUES ? ["in the middle"] : ["before", "after", "both", "in the middle"]);
  });

  test("R38 R39 R41 binary values are read padded and unpadded, split at commas, in order, and may be empty", async () => {
    let values: Record<string, unknown> = {};
    const unary = (
      request: Uint8Array,
      { metadata }: { metadata: { getAll(name: "x-bin"): Uint8Array[] } },
    ): Uint8Array => {
      const hex = (name: string): string[] =>
        metadata.getAll(name as "x-bin").map((bytes) => Buffer.from(bytes).toString("hex"));
      values = { y: hex("y-bin"), z: hex("z-bin"), p: hex("p-bin"), empty: hex("empty-bin") };
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      await call(await connect(), UNARY, HELLO, [
        ["y-bin", "AAE=,AAI"],
        ["z-bin", "AAE"],
        ["z-bin", "AAI="],
        ["p-bin", "AA==, AAEC,  +/8="],
        ["empty-bin", ""],
      ]);
    });
    assert.deepEqual(values, { y: ["0001", "0002"], z: ["0001", "0002"], p: ["00", "000102", "fbff"], empty: [""] });
  });

  test("R325 a client that offers true binary metadata gets base64 all the same, and is not told of it", async () => {
    const unary = (request: Uint8Array, { headers }: HandlerCall): Uint8Array => {
      headers.set("x-bin", Buffer.of(0xfb, 0xff));
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      const client = await connect({ settings: { [Setting.GRPC_TRUE_BINARY_METADATA]: 1 } });
      const { payload } = await client.frame("SETTINGS", 0);
      assert.equal(decodeSettings(payload).has(Setting.GRPC_TRUE_BINARY_METADATA), false);
      assert.equal(field((await call(client, UNARY, HELLO)).headers, "x-bin"), "+/8");
    });
  });

  test("R40 a binary value that is not base64 is INTERNAL, names the field, and no handler runs", async () => {
    const values = ["A", "A===", "AA=A", "!!!!", "AAE_", "AA==AA==", "AAE=,A", "A A="];
    await refused(
      values.map((value) => requestFields(UNARY, [["broken-bin", value]])),
      ({ grpcStatus, grpcMessage }, block) => {
        assert.equal(grpcStatus, Code.INTERNAL, field(block, "broken-bin"));
        assert.ok(grpcMessage.includes("broken-bin"), grpcMessage);
      },
    );
  });

  test("R34 a value that is not ASCII neither fails the call nor stops the metadata from being sent back", async () => {
    await served(
      {
        unary: (request, { metadata, headers, trailers }) => {
          headers.merge(metadata);
          trailers.merge(metadata);
          return request;
        },
      },
      async ({ connect, errors }) => {
        const reply = await call(await connect(), UNARY, HELLO, [
          ["x-a", Buffer.from("größe ☺").toString("latin1")],
          ["x-b", "plain"],
          ["x-bin", "AAE"],
          ["x-bin", "AAI"],
        ]);
        assert.equal(reply.grpcStatus, Code.OK);
        assert.deepEqual(messagesIn(reply.data), ["hello"]);
        for (const block of [reply.headers, reply.trailers]) {
          assert.equal(field(block, "x-b"), "plain");
          assert.deepEqual(fieldAll(block, "x-bin"), ["AAE", "AAI"]);
        }
        assert.deepEqual(errors, []);
      },
    );
  });

  test("R41 an empty ASCII value arrives as an empty string", async () => {
    let value: unknown;
    const unary = (
      request: Uint8Array,
      { metadata }: { metadata: { getAll(name: string): unknown[] } },
    ): Uint8Array => {
      value = metadata.getAll("x-empty");
      return request;
    };
    await served({ unary }, async ({ connect }) => {
      await call(await connect(), UNARY, HELLO, [["x-empty", ""]]);
    });
    assert.deepEqual(value, [""]);
  });
});
