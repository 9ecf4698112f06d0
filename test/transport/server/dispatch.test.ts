/**
 * What becomes of a request, whatever its header list says.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { grpcSubtype } from "../../../src/codec/header-block.js";
import { malformedBinaryHeader, Metadata } from "../../../src/codec/metadata.js";
import { Code, type Status } from "../../../src/codec/status.js";
import { parseTimeout } from "../../../src/codec/timeout.js";
import { Codings } from "../../../src/transport/codings.js";
import { dispatch, echo } from "../../../src/transport/server/dispatch.js";
import type { Registered } from "../../../src/transport/server/handler.js";
import { headerLists, headersOf } from "../../support/header-lists.js";
import { Wire } from "../../support/peer-service.js";

const UNARY: Registered = { method: Wire.methods.unary, serve: () => undefined };

function lookup(path: string): Registered | Status {
  return path === "/wire.Wire/Unary" ? UNARY : { code: Code.UNIMPLEMENTED, message: `unknown "${echo(path)}"` };
}

const CODINGS = new Codings("Server");

describe("dispatch", () => {
  test("R94 R17 R18 R25 R26 R40 any header list is accepted or refused by the rules, and never throws", () => {
    fc.assert(
      fc.property(headerLists, (raw) => {
        const headers = headersOf(raw);
        const decision = dispatch(headers, raw, CODINGS, lookup);
        const timeout = headers["grpc-timeout"] as string | undefined;
        if ("registered" in decision) {
          assert.equal(headers[":method"], "POST");
          assert.equal(headers[":path"], "/wire.Wire/Unary");
          assert.ok(["", "proto"].includes(grpcSubtype(headers["content-type"]) ?? "none"), headers["content-type"]);
          assert.ok(["identity", undefined].includes(headers["grpc-encoding"] as string | undefined), "the coding");
          assert.equal(decision.timeoutMs, timeout === undefined ? undefined : parseTimeout(timeout));
          assert.notEqual(decision.timeoutMs, 0);
          assert.equal(malformedBinaryHeader(raw), undefined);
          assert.ok(Metadata.fromRawHeaders(raw).size <= raw.length / 2, "the handler's metadata can be read");
        } else {
          assert.notEqual(decision.status.code, Code.OK);
          assertSendable(decision.refusal);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("a request that is right is accepted, whatever stands beside its fields", () => {
    const right = [
      ":method",
      "POST",
      ":path",
      "/wire.Wire/Unary",
      "content-type",
      "application/grpc",
      "te",
      "trailers",
    ];
    const beside = headerLists.map((raw) =>
      raw.filter((_, i) => !/^(?:grpc-|:|x-bin|content-type|te$)/.test(raw[i - (i % 2)] ?? "")),
    );
    fc.assert(
      fc.property(beside, (more) => {
        fc.pre(malformedBinaryHeader(more) === undefined);
        const raw = [...right, ...more];
        assert.ok("registered" in dispatch(headersOf(raw), raw, CODINGS, lookup), "it is accepted");
      }),
    );
  });

  test("what a peer sent is repeated cut and escaped, however long", () => {
    const long = fc.string({ unit: "binary", minLength: 1000, maxLength: 20_000 });
    fc.assert(
      fc.property(
        fc.constantFrom(":method", ":path", "content-type", "grpc-encoding", "grpc-timeout"),
        long,
        (name, value) => {
          const good = { ":method": "POST", ":path": "/wire.Wire/Unary", "content-type": "application/grpc" };
          const decision = dispatch({ ...good, [name]: value }, [], CODINGS, lookup);
          assert.ok("refusal" in decision, "it is refused");
          assertSendable(decision.refusal);
        },
      ),
      { numRuns: 50 },
    );
  });
});

/** A block that HTTP/2 takes, and of a bounded size. */
function assertSendable(fields: Readonly<Record<string, string | string[] | number>>): void {
  for (const [name, value] of Object.entries(fields)) {
    assert.match(name, /^:?[a-z0-9-]+$/);
    assert.match(String(value), /^[\x20-\x7e]*$/, name);
    assert.ok(String(value).length <= 8192, `${name} is ${String(value).length} bytes`);
  }
}
