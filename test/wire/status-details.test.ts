/**
 * The details of a status on the wire: what a server writes beside its status, and what a client makes of what it gets.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, googleRpc, Metadata, StatusError, type StatusErrorOptions } from "../../src/core.js";
import { encodeStatusDetails } from "../../src/codec/proto/status-details.js";
import { Setting } from "../support/http2-frame.js";
import type { Field } from "../support/http2-hpack.js";
import { field, fieldAll } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, begin, completeRequest, KINDS, outcome, scripted } from "../support/peer-scripted.js";
import { call, served, type Served } from "../support/peer-served.js";
import { prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";

guardProcess();

const NAME = "grpc-status-details-bin";
const UNARY = "/wire.Wire/Unary";
const SERVER_STREAMING = "/wire.Wire/ServerStreaming";
const HELLO = [prefixed("hello")];
const HELP = { typeName: "google.rpc.Help", message: { links: [{ description: "d", url: "u" }] } } as const;

function failing(code: Code, text: string, options: StatusErrorOptions): () => never {
  return () => {
    throw new StatusError(code, text, options);
  };
}

/** The `google.rpc.Status` in a header field. */
function opened(value: string | undefined): Record<string, unknown> {
  assert.match(value ?? "", /^[A-Za-z0-9+/]+$/, "unpadded base64");
  return googleRpc()
    .message("google.rpc.Status")
    .decode(Buffer.from(value ?? "", "base64"));
}

describe("the server", () => {
  test("R46 writes the details with the code and the text of the trailers, unpadded, in Trailers-Only and behind messages", async () => {
    await served(
      {
        unary: failing(Code.NOT_FOUND, "100% ☺", { details: [HELP] }),
        *serverStreaming(request) {
          yield request;
          throw new StatusError(Code.NOT_FOUND, "100% ☺", { details: [HELP], trailers: { "x-a": "1" } });
        },
      },
      async ({ connect, errors }) => {
        const client = await connect();
        for (const path of [UNARY, SERVER_STREAMING]) {
          const { trailers, grpcStatus, order } = await call(client, path, HELLO);
          assert.equal(grpcStatus, Code.NOT_FOUND);
          assert.equal(order.at(-1), "HEADERS+END_STREAM");
          const status = opened(field(trailers, NAME));
          assert.deepEqual([status["code"], status["message"]], [5, "100% ☺"]);
          assert.equal(decodeURIComponent(field(trailers, "grpc-message") ?? ""), "100% ☺");
          assert.equal((status["details"] as unknown[]).length, 1);
        }
        assert.deepEqual(errors, []);
      },
    );
  });

  test("R46 its details replace those in the trailers", async () => {
    const own = encodeStatusDetails({ code: Code.NOT_FOUND, message: "" }, []);
    await served(
      { unary: failing(Code.NOT_FOUND, "gone", { details: [HELP], trailers: { [NAME]: own } }) },
      async ({ connect }) => {
        const { trailers } = await call(await connect(), UNARY, HELLO);
        assert.equal(fieldAll(trailers, NAME).length, 1);
        assert.equal((opened(field(trailers, NAME))["details"] as unknown[]).length, 1);
      },
    );
  });

  test("R46 details that a handler sets by itself are sent when they are of the status's code, with its text", async () => {
    const own = encodeStatusDetails({ code: Code.NOT_FOUND, message: "another text" }, [HELP]);
    for (const code of [Code.NOT_FOUND, Code.INTERNAL, Code.OK]) {
      await served(
        {
          unary: (request, { trailers }) => {
            trailers.set(NAME, own).set("x-a", "1");
            if (code !== Code.OK) throw new StatusError(code, "the text");
            return request;
          },
        },
        async ({ connect, errors }) => {
          const { trailers, grpcStatus } = await call(await connect(), UNARY, HELLO);
          assert.equal(grpcStatus, code);
          assert.equal(field(trailers, "x-a"), "1", "the other trailers are sent");
          if (code === Code.NOT_FOUND) assert.equal(opened(field(trailers, NAME))["message"], "the text");
          else assert.equal(field(trailers, NAME), undefined);
          assert.equal(errors.length, code === Code.INTERNAL ? 1 : 0);
        },
      );
    }
  });

  test("details that the client does not take are left out and reported, the status is sent", async () => {
    let length = 0;
    const sized: Parameters<typeof served>[0] = {
      unary: () => {
        throw new StatusError(Code.NOT_FOUND, "gone", {
          details: [{ typeName: "google.rpc.DebugInfo", message: { detail: "x".repeat(length) } }],
          trailers: { "x-a": "1" },
        });
      },
    };
    await served(sized, async ({ connect, errors }: Served) => {
      const client = await connect({ settings: { [Setting.MAX_HEADER_LIST_SIZE]: 1000 } });
      await client.roundTrip();
      const answered = async (bytes: number): Promise<readonly Field[]> => {
        length = bytes;
        const { trailers, grpcStatus, grpcMessage } = await call(client, UNARY, HELLO);
        assert.deepEqual([grpcStatus, grpcMessage, field(trailers, "x-a")], [Code.NOT_FOUND, "gone", "1"]);
        return trailers;
      };
      assert.ok(field(await answered(100), NAME) !== undefined);
      assert.deepEqual(errors, []);
      for (const bytes of [1000, 1_000_000]) assert.equal(field(await answered(bytes), NAME), undefined);
      assert.equal(errors.length, 2);
      assert.match(
        String(errors[0]),
        /RangeError: Cannot send the details of a status as the trailers would be \d+ bytes with them, and the client takes 1000/,
      );
    });
  });

  test("details that are none are left out and reported, the status is sent", async () => {
    const wrong = { typeName: "google.rpc.Help", message: { links: 5 } } as never;
    await served({ unary: failing(Code.NOT_FOUND, "gone", { details: [wrong] }) }, async ({ connect, errors }) => {
      const { trailers, grpcStatus } = await call(await connect(), UNARY, HELLO);
      assert.deepEqual([grpcStatus, field(trailers, NAME)], [Code.NOT_FOUND, undefined]);
      assert.match(String(errors), /TypeError: Cannot encode google\.rpc\.Help: links must be/);
    });
  });

  test("an error that came from another server travels without its details, unless it is forwarded", async () => {
    const details = [HELP];
    const theirs = new StatusError(Code.NOT_FOUND, "gone", {
      origin: "remote",
      details,
      trailers: { [NAME]: new Uint8Array() },
    });
    for (const [thrown, count] of [
      [theirs, 0],
      [StatusError.forward(theirs), 1],
    ] as const) {
      await served(
        {
          unary: () => {
            throw thrown;
          },
        },
        async ({ connect, errors }) => {
          const { trailers, grpcStatus } = await call(await connect(), UNARY, HELLO);
          assert.equal(grpcStatus, Code.NOT_FOUND);
          assert.equal(fieldAll(trailers, NAME).length, count);
          assert.deepEqual(errors, []);
        },
      );
    }
  });
});

describe("the client", () => {
  /** The error of a call of each kind that is answered with these trailers. */
  async function errors(...trailers: readonly Field[]): Promise<StatusError[]> {
    const found: StatusError[] = [];
    await scripted(async ({ server, client }) => {
      for (const kind of KINDS) {
        const result = outcome(begin(client, kind));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        connection.headers(
          streamId,
          [...RESPONSE_FIELDS, ["grpc-status", "5"], ["grpc-message", "gone"], ...trailers],
          { endStream: true },
        );
        const { error, code, message } = await result;
        assert.deepEqual([code, message], [Code.NOT_FOUND, "gone"]);
        assert.ok(error !== undefined);
        found.push(error);
      }
    });
    return found;
  }

  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
  const status = (code: Code): Uint8Array => encodeStatusDetails({ code, message: "gone" }, [HELP]);

  test("R46 gives the details to the error, decoded, whatever the base64's padding", async () => {
    const text = base64(status(Code.NOT_FOUND));
    for (const value of [text, text.replace(/=+$/, "")]) {
      for (const error of await errors([NAME, value])) {
        assert.deepEqual(error.details, [HELP]);
        assert.deepEqual(error.trailers?.get(NAME), status(Code.NOT_FOUND));
      }
    }
  });

  test("R46 details that cannot be read do not change the call's status, and stay in the trailers", async () => {
    const good = base64(status(Code.NOT_FOUND));
    for (const values of [["////"], [base64(status(Code.INTERNAL))], [good, good], [""], [good.slice(0, 12)]]) {
      for (const error of await errors(...values.map((value): Field => [NAME, value]))) {
        assert.deepEqual(error.details, []);
        assert.equal(error.trailers?.getAll(NAME).length, values.length);
      }
    }
    for (const error of await errors([NAME, "not base64!"]))
      assert.deepEqual([...error.details, ...(error.trailers ?? [])], []);
  });

  test("beside status 0 details mean nothing", async () => {
    await scripted(async ({ server, client }) => {
      const pending = begin(client, "unary");
      const connection = await server.connection();
      const { streamId } = await completeRequest(connection);
      connection.headers(streamId, RESPONSE_FIELDS);
      connection.data(streamId, prefixed("m"));
      connection.headers(
        streamId,
        [
          ["grpc-status", "0"],
          [NAME, base64(status(Code.NOT_FOUND))],
        ],
        { endStream: true },
      );
      assert.equal((await outcome(pending)).code, Code.OK);
      assert.deepEqual(await pending.trailers.then((trailers) => trailers.get(NAME)), status(Code.NOT_FOUND));
      const next = begin(client, "unary");
      answer(connection, (await completeRequest(connection)).streamId, ["n"]);
      assert.deepEqual((await outcome(next)).messages, ["n"]);
    });
  });
});

test("a StatusError takes its details as a list", () => {
  assert.throws(
    () => new StatusError(Code.INTERNAL, "", { details: {} as never }),
    /its details must be an array: current value is object/,
  );
  assert.deepEqual(new StatusError(Code.INTERNAL).details, []);
  const forwarded = StatusError.forward(
    new StatusError(Code.INTERNAL, "x", { details: [HELP], trailers: new Metadata({ a: "b" }) }),
  );
  assert.deepEqual([forwarded.details, forwarded.trailers?.get("a")], [[HELP], "b"]);
});
