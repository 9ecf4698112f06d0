/**
 * What a client makes of a response that stops at any of its bytes: without trailers, by a reset, or with the connection.
 *
 * Spec: PROTOCOL-HTTP2.md, "Responses", "Errors"; statuscodes.md; RFC 9113 §8.1.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import { encodeFrame, ErrorCode, FrameType } from "../support/http2-frame.js";
import { encodeHeaders, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { begin, completeRequest, KINDS, ONE_RESPONSE, outcome, scripted, type Kind } from "../support/peer-scripted.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";

guardProcess();

const FIRST = prefixed("abc");
const BOTH = Buffer.concat([FIRST, prefixed("de")]);
/** Where no message is cut. */
const WHOLE = [0, FIRST.length, BOTH.length];

/** The messages that are whole after so many bytes. */
function wholeAfter(cut: number): string[] {
  return ["abc", "de"].filter((_, i) => cut >= (WHOLE[i + 1] ?? 0));
}

/** A way to stop behind some bytes of messages, and what that means. */
interface Stop {
  readonly write: (connection: ServerPeer, streamId: number) => void;
  /** The status, for a call that takes one message or many, after so many bytes. */
  readonly code: (cut: number, one: boolean) => Code;
}

function trailers(status: number): Stop["write"] {
  return (connection, streamId) => connection.headers(streamId, [["grpc-status", String(status)]], { endStream: true });
}

function reset(errorCode: number, code: Code): Stop {
  return {
    write: (connection, streamId) => connection.reset(streamId, errorCode),
    code: () => code,
  };
}

const STOPS: Readonly<Record<string, Stop>> = {
  "R68 END_STREAM without trailers is INTERNAL": {
    write: (connection, streamId) => connection.data(streamId, Buffer.alloc(0), { endStream: true }),
    code: () => Code.INTERNAL,
  },
  "R55 R80 trailers that say OK count for whole messages only": {
    write: trailers(Code.OK),
    code: (cut, one) => {
      if (!WHOLE.includes(cut)) return Code.INTERNAL;
      return one && cut === 0 ? Code.UNIMPLEMENTED : Code.OK;
    },
  },
  "R55 R81 trailers that say an error say it whatever was cut": {
    write: trailers(Code.ABORTED),
    code: () => Code.ABORTED,
  },
  "R87 RST_STREAM(NO_ERROR) is INTERNAL": reset(ErrorCode.NO_ERROR, Code.INTERNAL),
  "R87 RST_STREAM(CANCEL) is CANCELLED": reset(ErrorCode.CANCEL, Code.CANCELLED),
  "R87 RST_STREAM(ENHANCE_YOUR_CALM) is RESOURCE_EXHAUSTED": reset(
    ErrorCode.ENHANCE_YOUR_CALM,
    Code.RESOURCE_EXHAUSTED,
  ),
};

describe("a response that stops at any byte of its messages", () => {
  for (const [what, { write, code }] of Object.entries(STOPS)) {
    test(what, async () => {
      await scripted(async ({ server, client, errors }) => {
        for (const kind of KINDS) {
          const one = ONE_RESPONSE.includes(kind);
          // A second message where one is wanted ends the call by itself.
          const longest = one ? FIRST.length : BOTH.length;
          for (let cut = 0; cut <= longest; cut++) {
            const result = outcome(begin(client, kind));
            const connection = server.connections[0] ?? (await server.connection());
            const { streamId } = await completeRequest(connection);
            connection.headers(streamId, RESPONSE_FIELDS);
            connection.data(streamId, BOTH.subarray(0, cut));
            write(connection, streamId);
            const { code: came, message, messages } = await result;
            assert.equal(came, code(cut, one), `${kind} after ${cut} bytes: ${message}`);
            if (one) assert.deepEqual(messages, came === Code.OK ? ["abc"] : []);
            else assert.deepEqual(messages, wholeAfter(cut).slice(0, messages.length));
            if (came === Code.OK || came === Code.ABORTED)
              assert.equal(messages.length, one ? Number(came === Code.OK) : wholeAfter(cut).length);
          }
        }
        assert.deepEqual(errors, []);
        assert.equal(server.connections.length, 1, "every one of them cost its stream and no more");
      });
    });
  }
});

describe("a response that stops at any byte of its connection", () => {
  const ways: Readonly<Record<string, (connection: ServerPeer) => void>> = {
    "a FIN": (connection) => connection.end(),
    "a TCP RST": (connection) => connection.abort(),
  };
  const kinds: readonly Kind[] = ["unary", "bidiStreaming"];
  for (const [how, lose] of Object.entries(ways)) {
    test(`R159 R76 R160 by ${how}: UNAVAILABLE, whatever was missing`, async () => {
      await scripted(async ({ server, client, errors }) => {
        let calls = 0;
        for (const kind of kinds) {
          for (let cut = 0, length = 1; cut < length; cut++) {
            const result = outcome(begin(client, kind));
            const connection = await server.connection();
            calls++;
            const { streamId } = await completeRequest(connection);
            const bytes = Buffer.concat([
              encodeHeaders(streamId, RESPONSE_FIELDS, false),
              encodeFrame(FrameType.DATA, 0, streamId, prefixed("hello")),
              encodeHeaders(streamId, OK_TRAILERS, true),
            ]);
            length = bytes.length;
            connection.raw(bytes.subarray(0, cut));
            lose(connection);
            const { code, messages } = await result;
            assert.equal(code, Code.UNAVAILABLE, `${kind} after ${cut} of ${length} bytes`);
            if (messages.length > 0) assert.deepEqual([kind, messages], ["bidiStreaming", ["hello"]]);
          }
        }
        assert.equal(server.connections.length, calls, "nothing was sent twice");
        assert.deepEqual(errors, []);
      });
    });
  }

  test("R48 a response that comes byte by byte is a response", async () => {
    await scripted(async ({ server, client }) => {
      for (const kind of KINDS) {
        const result = outcome(begin(client, kind));
        const connection = server.connections[0] ?? (await server.connection());
        const { streamId } = await completeRequest(connection);
        const bytes = Buffer.concat([
          encodeHeaders(streamId, RESPONSE_FIELDS, false),
          encodeFrame(FrameType.DATA, 0, streamId, prefixed("hello")),
          encodeHeaders(streamId, OK_TRAILERS, true),
        ]);
        for (const byte of bytes) {
          connection.raw(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
        const { code, messages } = await result;
        assert.deepEqual([code, messages], [Code.OK, ["hello"]], kind);
      }
    });
  });
});
