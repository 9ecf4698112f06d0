/**
 * What a response's header blocks are taken to mean.
 */
import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http2";
import { describe, test } from "node:test";
import { Code } from "../../../src/codec/status.js";
import { readResponse, readTrailers, type ResponseBlock } from "../../../src/transport/client/response-block.js";

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
