/** The details of a status: packed, unpacked, and everything that is no such thing. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { packAny } from "../../../src/codec/proto/any.js";
import { googleRpc } from "../../../src/codec/proto/google-rpc.js";
import {
  agreeingStatusDetails,
  decodeStatusDetails,
  encodeStatusDetails,
} from "../../../src/codec/proto/status-details.js";
import type { StatusDetail, StatusDetailInit } from "../../../src/codec/status-detail.js";
import { Code, type Status } from "../../../src/codec/status.js";
import { codec } from "./schemas.js";

const Order = codec("order.Order");
const NOT_FOUND: Status = { code: Code.NOT_FOUND, message: "no such order ☺" };

/** The `google.rpc.Status` in some bytes. */
function opened(bytes: Uint8Array): Record<string, unknown> {
  return googleRpc().message("google.rpc.Status").decode(bytes);
}

/** One of each type, every field set. */
const ALL: readonly Exclude<StatusDetail, { typeUrl: string }>[] = [
  {
    typeName: "google.rpc.ErrorInfo",
    message: { reason: "STOCKOUT", domain: "orders.example", metadata: new Map([["item", "5"]]) },
  },
  { typeName: "google.rpc.RetryInfo", message: { retryDelay: { seconds: 1n, nanos: 5 } } },
  { typeName: "google.rpc.DebugInfo", message: { stackEntries: ["a", "b"], detail: "c" } },
  {
    typeName: "google.rpc.QuotaFailure",
    message: {
      violations: [
        {
          subject: "s",
          description: "d",
          apiService: "a",
          quotaMetric: "m",
          quotaId: "i",
          quotaDimensions: new Map([["region", "x"]]),
          quotaValue: 5n,
          futureQuotaValue: 0n,
        },
      ],
    },
  },
  {
    typeName: "google.rpc.PreconditionFailure",
    message: { violations: [{ type: "TOS", subject: "s", description: "d" }] },
  },
  {
    typeName: "google.rpc.BadRequest",
    message: {
      fieldViolations: [
        {
          field: "id",
          description: "must not be empty",
          reason: "EMPTY",
          localizedMessage: { locale: "de", message: "fehlt" },
        },
      ],
    },
  },
  { typeName: "google.rpc.RequestInfo", message: { requestId: "r", servingData: "s" } },
  {
    typeName: "google.rpc.ResourceInfo",
    message: { resourceType: "t", resourceName: "n", owner: "o", description: "d" },
  },
  { typeName: "google.rpc.Help", message: { links: [{ description: "d", url: "https://example.com" }] } },
  { typeName: "google.rpc.LocalizedMessage", message: { locale: "en", message: "m" } },
];

describe("encodeStatusDetails and decodeStatusDetails", () => {
  test("R46 every type of google.rpc comes back as it was, the code and the text in front", () => {
    const bytes = encodeStatusDetails(NOT_FOUND, ALL);
    assert.deepStrictEqual(decodeStatusDetails(bytes, Code.NOT_FOUND), ALL);
    const status = opened(bytes);
    assert.deepEqual([status["code"], status["message"]], [5, "no such order ☺"]);
    assert.deepEqual(
      (status["details"] as { typeUrl: string }[]).map(({ typeUrl }) => typeUrl),
      ALL.map(({ typeName }) => `type.googleapis.com/${typeName}`),
    );
  });

  test("fields may be left out, and other types are packed with packAny", () => {
    const packed = packAny(Order, { id: "a" });
    const details: StatusDetailInit[] = [{ typeName: "google.rpc.BadRequest", message: {} }, packed];
    assert.deepEqual(decodeStatusDetails(encodeStatusDetails(NOT_FOUND, details), 5), [
      { typeName: "google.rpc.BadRequest", message: { fieldViolations: [] } },
      packed,
    ]);
  });

  test("R46 the text is the one that a peer reads from grpc-message: cut, without half surrogates", () => {
    for (const message of ["a\ud800b", "x".repeat(10_000), "☺".repeat(2000)]) {
      const read = opened(encodeStatusDetails({ code: Code.INTERNAL, message }, ALL))["message"] as string;
      assert.ok(read.length <= 8192 && !/\p{Surrogate}/u.test(read));
      assert.equal(read.slice(0, 100), message.replace("\ud800", "\ufffd").slice(0, 100));
    }
  });

  test("what is no detail is refused by its place", () => {
    const refused = (detail: unknown, text: RegExp): void => {
      assert.throws(() => encodeStatusDetails(NOT_FOUND, [ALL[0] as StatusDetail, detail as StatusDetailInit]), text);
    };
    refused(
      null,
      /details\[1\] of a status as it must be \{ typeName, message \} or what packAny returns: current value is object/,
    );
    refused("x", /details\[1\].*current value is string/);
    refused({ typeUrl: "x" }, /details\[1\]/);
    refused(
      { typeName: "google.rpc.BadRequst", message: {} },
      /details\[1\].*did you mean "google\.rpc\.BadRequest"\?: current value is "google\.rpc\.BadRequst"/,
    );
    refused({ typeName: "google.rpc.Status", message: {} }, /details\[1\]/);
    refused(
      { typeName: "google.rpc.Help", message: { links: [{ url: 5 }] } },
      /Cannot encode google\.rpc\.Help: links\[0\]\.url must be a string/,
    );
  });

  test("R46 a status of another code has no details for us, and what cannot be read stays as it is", () => {
    const bytes = encodeStatusDetails(NOT_FOUND, ALL);
    assert.deepEqual(decodeStatusDetails(bytes, Code.INTERNAL), []);
    assert.deepEqual(decodeStatusDetails(bytes.subarray(0, -1), Code.NOT_FOUND), []);
    const broken = { typeUrl: "type.googleapis.com/google.rpc.Help", value: Uint8Array.of(10) };
    const nested = { typeUrl: "x/google.rpc.Status", value: bytes };
    const inner = { typeUrl: "x/google.rpc.Help.Link", value: new Uint8Array() };
    const details = [broken, nested, inner, { typeUrl: "", value: new Uint8Array() }];
    assert.deepEqual(decodeStatusDetails(encodeStatusDetails(NOT_FOUND, details), 5), details);
  });

  test("R46 no bytes at all make it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(16), (noise, code) => {
        assert.ok(Array.isArray(decodeStatusDetails(noise, code)));
        agreeingStatusDetails([noise], { code: Code.INTERNAL, message: "" });
      }),
    );
  });
});

describe("agreeingStatusDetails", () => {
  const bytes = encodeStatusDetails({ code: Code.NOT_FOUND, message: "their text" }, ALL);

  test("R46 what an application has set gets the text of the status it goes with", () => {
    const own = agreeingStatusDetails([bytes], NOT_FOUND);
    assert.ok(own !== undefined);
    assert.equal(opened(own)["message"], NOT_FOUND.message);
    assert.deepEqual(decodeStatusDetails(own, Code.NOT_FOUND), ALL);
  });

  test("R46 another code, several, none, and what is no status, cannot be sent", () => {
    for (const [own, code] of [
      [[bytes], Code.INTERNAL],
      [[bytes], Code.OK],
      [[bytes, bytes], 5],
      [[], 5],
      [[Uint8Array.of(255)], 5],
    ] as const) {
      assert.equal(agreeingStatusDetails(own, { code, message: "" }), undefined);
    }
  });
});
