/**
 * Descriptors: the four kinds, and the paths of loaded services.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type MethodKind, sendsOneRequest, sendsOneResponse } from "../../src/codec/method.js";
import { loadProto } from "../../src/codec/proto/load.js";

const KINDS: readonly [kind: MethodKind, oneRequest: boolean, oneResponse: boolean][] = [
  ["unary", true, true],
  ["serverStreaming", true, false],
  ["clientStreaming", false, true],
  ["bidiStreaming", false, false],
];

for (const [kind, oneRequest, oneResponse] of KINDS) {
  test(`a ${kind} method sends ${oneRequest ? "one request" : "many requests"} and ${oneResponse ? "one response" : "many responses"}`, () => {
    assert.equal(sendsOneRequest(kind), oneRequest);
    assert.equal(sendsOneResponse(kind), oneResponse);
  });
}

const METHODS = `
  message Empty {}
  service CaseKept {
    rpc GetOne (Empty) returns (Empty);
    rpc listMany (Empty) returns (stream Empty);
    rpc SEND (stream Empty) returns (Empty);
    rpc Chat_2 (stream Empty) returns (stream Empty);
  }
`;

test("R3 a path is / package.Service / Method, in the case of the .proto", () => {
  const schema = loadProto({ "a.proto": `syntax = "proto3"; package deep.Package; ${METHODS}` });
  const service = schema.service("deep.Package.CaseKept");
  assert.equal(service.typeName, "deep.Package.CaseKept");
  assert.deepEqual(
    Object.values(service.methods).map(({ path }) => path),
    ["GetOne", "listMany", "SEND", "Chat_2"].map((name) => `/deep.Package.CaseKept/${name}`),
  );
});

test("R3 without a package the service name stands alone", () => {
  const { methods } = loadProto({ "a.proto": `syntax = "proto3"; ${METHODS}` }).service("CaseKept");
  assert.equal(methods["getOne"]?.path, "/CaseKept/GetOne");
});

test("a method's local name begins with a lower-case letter, and its kind follows from the two streams", () => {
  const { methods } = loadProto({ "a.proto": `syntax = "proto3"; ${METHODS}` }).service("CaseKept");
  assert.deepEqual(
    Object.entries(methods).map(([key, { localName, name, kind }]) => [key, localName, name, kind]),
    [
      ["getOne", "getOne", "GetOne", "unary"],
      ["listMany", "listMany", "listMany", "serverStreaming"],
      ["sEND", "sEND", "SEND", "clientStreaming"],
      ["chat_2", "chat_2", "Chat_2", "bidiStreaming"],
    ],
  );
});
