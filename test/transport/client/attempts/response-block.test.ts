/**
 * What a response's header blocks are taken to mean.
 */
import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http2";
import { describe, test } from "node:test";
import fc from "fast-check";
import { grpcSubtype } from "../../../../src/codec/header-block.js";
import { malformedBinaryHeader } from "../../../../src/codec/metadata.js";
import { Code } from "../../../../src/codec/status.js";
import {
  readResponse,
  readTrailers,
  type ResponseBlock,
} from "../../../../src/transport/client/attempts/response-block.js";
import { headerLists, headersOf } from "../../../support/header-lists.js";

type Fields = Readonly<Record<string, string>>;

/** The block as `node:http2` gives it: an object, and the raw list. */
function response(fields: Fields, endsStream = false): ResponseBlock {
  const headers: IncomingHttpHeaders = { ...fields };
  return readResponse(headers, Object.entries(fields).flat(), endsStream);
}

const GRPC = { ":status": "200", "content-type": "application/grpc" };

function statusOf(block: ResponseBlock): readonly [string, Code | undefined] {
  return [block.kind, block.kind === "headers" ? undefined : block.status.code];
}

describe("readResponse", () => {
  test("R59 a block of status 200 and gRPC's content-type lets messages follow, with its metadata", () => {
    const block = response({ ...GRPC, "grpc-encoding": "gzip", "x-a": "1" });
    assert.ok(block.kind === "headers");
    assert.equal(block.coding, "gzip");
    assert.deepEqual([...block.metadata], [["x-a", "1"]]);
  });

  test("R69 a grpc-status counts only where the stream ends with it", () => {
    assert.equal(response({ ...GRPC, "grpc-status": "0" }).kind, "headers");
    assert.deepEqual(statusOf(response({ ...GRPC, "grpc-status": "5" }, true)), ["end", Code.NOT_FOUND]);
  });

  test("R43 in a block that ends the stream everything is trailing metadata", () => {
    const block = response({ ...GRPC, "grpc-status": "0", "x-a": "1" }, true);
    assert.ok(block.kind === "end");
    assert.deepEqual([...block.metadata], [["x-a", "1"]]);
  });

  test("R72 R83 another HTTP status decides, unless a grpc-status stands beside it", () => {
    assert.deepEqual(statusOf(response({ ":status": "503", "content-type": "text/html" })), [
      "refused",
      Code.UNAVAILABLE,
    ]);
    assert.deepEqual(statusOf(response({ ":status": "404" }, true)), ["end", Code.UNIMPLEMENTED]);
    assert.deepEqual(statusOf(response({ ":status": "503", "grpc-status": "16" })), ["refused", Code.UNAUTHENTICATED]);
    assert.deepEqual(statusOf(response({ ":status": "503", "grpc-status": "16" }, true)), [
      "end",
      Code.UNAUTHENTICATED,
    ]);
  });

  test("R73 R74 status 200 with another content-type is UNKNOWN, with another subtype INTERNAL", () => {
    assert.deepEqual(statusOf(response({ ":status": "200", "content-type": "text/html" })), ["refused", Code.UNKNOWN]);
    assert.deepEqual(statusOf(response({ ":status": "200", "content-type": "application/grpc+json" })), [
      "refused",
      Code.INTERNAL,
    ]);
  });

  test("R40 metadata that is not base64 is INTERNAL and named", () => {
    const block = response({ ...GRPC, "x-bin": "!" });
    assert.ok(block.kind === "refused");
    assert.equal(block.status.code, Code.INTERNAL);
    assert.match(block.status.message, /"x-bin"/);
  });
});

describe("readTrailers", () => {
  test("R68 trailers without a grpc-status are UNKNOWN", () => {
    assert.deepEqual(statusOf(readTrailers({ "x-a": "1" }, ["x-a", "1"])), ["end", Code.UNKNOWN]);
  });

  test("the text is decoded and the metadata kept apart from the protocol's own", () => {
    const fields = { "grpc-status": "3", "grpc-message": "100%25", "x-a": "1" };
    const block = readTrailers(fields, Object.entries(fields).flat());
    assert.ok(block.kind === "end");
    assert.deepEqual(block.status, { code: Code.INVALID_ARGUMENT, message: "100%" });
    assert.deepEqual([...block.metadata], [["x-a", "1"]]);
  });
});

describe("any header list", () => {
  test("R94 R76 R68 R72 has a meaning: OK only by a grpc-status of 0, messages only behind HTTP 200 and gRPC's type", () => {
    fc.assert(
      fc.property(headerLists, fc.constantFrom("goes on", "ends", "trailers"), (raw, where) => {
        const headers = headersOf(raw);
        const block = where === "trailers" ? readTrailers(headers, raw) : readResponse(headers, raw, where === "ends");
        if (block.kind === "headers") {
          assert.equal(where, "goes on");
          assert.equal(Number(headers[":status"]), 200);
          assert.ok(["", "proto"].includes(grpcSubtype(headers["content-type"]) ?? "none"), headers["content-type"]);
          assert.equal(malformedBinaryHeader(raw), undefined);
          assert.equal(block.coding, headers["grpc-encoding"]);
          return;
        }
        assert.equal(block.kind === "end" && where === "goes on", false);
        const said = /^\d{1,9}$/.test(String(headers["grpc-status"])) ? Number(headers["grpc-status"]) : undefined;
        if (block.status.code === Code.OK) assert.equal(said, Code.OK);
        if (block.kind === "end" && said !== undefined && said <= 16) assert.equal(block.status.code, said);
        if (block.kind === "refused" && block.origin === "local") assert.equal(block.status.code, Code.INTERNAL);
      }),
      { numRuns: 3000 },
    );
  });

  test("what a server sent is repeated cut, however long", () => {
    const long = fc.string({ unit: "binary-ascii", minLength: 1000, maxLength: 20_000 });
    fc.assert(
      fc.property(fc.constantFrom("content-type", "grpc-status", "grpc-encoding", "x-bin"), long, (name, value) => {
        const block = response({ ...GRPC, [name]: value }, name === "grpc-status");
        if (block.kind !== "headers") assert.ok(block.status.message.length < 1000, block.status.message);
      }),
      { numRuns: 50 },
    );
  });
});
