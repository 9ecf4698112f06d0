/**
 * The four header blocks of a call, as they are built and as they are read.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  grpcSubtype,
  parseStatus,
  requestHeaders,
  type RequestHead,
  responseHeaders,
  statusOfHttp,
  trailers,
  trailersOnly,
  VERSION,
} from "../../src/codec/header-block.js";
import { Metadata } from "../../src/codec/metadata.js";
import { Code, codeName } from "../../src/codec/status.js";

function request(head: Partial<RequestHead> = {}): ReturnType<typeof requestHeaders> {
  return requestHeaders({
    scheme: "http",
    authority: "localhost:50051",
    path: "/routeguide.RouteGuide/GetFeature",
    timeoutMs: undefined,
    metadata: undefined,
    coding: undefined,
    accepted: "identity,gzip,deflate",
    ...head,
  });
}

const LIBRARY = `grpc-node-barewire/${VERSION}`;
const CODES = Object.values(Code);
const FAILURES = CODES.filter((code) => code !== Code.OK);

describe("requestHeaders", () => {
  test("R3 :path is the method's path as it stands", () => {
    const path = "/deep.Package.CaseKept/GetOne";
    assert.equal(request({ path })[":path"], path);
  });

  test("R6 te is trailers", () => {
    assert.equal(request()["te"], "trailers");
  });

  test("R7 content-type is application/grpc", () => {
    assert.equal(request()["content-type"], "application/grpc");
  });

  test("R9 grpc-accept-encoding lists identity and no coding twice", () => {
    const codings = String(request()["grpc-accept-encoding"]).split(",");
    assert.ok(codings.includes("identity"));
    assert.equal(new Set(codings).size, codings.length);
    for (const coding of codings) assert.match(coding, /^[a-z]+$/);
  });

  test("R10 a call that does not compress says no grpc-encoding", () => {
    assert.ok(!("grpc-encoding" in request({ metadata: new Metadata({ a: "1" }) })));
    assert.equal(request({ coding: "gzip" })["grpc-encoding"], "gzip");
  });

  test("R11 user-agent is grpc-<language>-<variant>/<version>", () => {
    assert.match(String(request()["user-agent"]), /^grpc-[a-z]+-[a-z]+\/\d+\.\d+\.\d+$/);
    assert.equal(request()["user-agent"], LIBRARY);
  });

  test("R11 an application's own user-agent stands in front, in one value", () => {
    const one = new Metadata({ "user-agent": "shop/2.1" });
    assert.equal(request({ metadata: one })["user-agent"], `shop/2.1 ${LIBRARY}`);
    const two = new Metadata({ "user-agent": ["shop/2.1", "plugin/7"] });
    const value = request({ metadata: two })["user-agent"];
    assert.equal(typeof value, "string");
    assert.match(String(value), /^shop\/2\.1.plugin\/7 grpc-node-barewire\//);
  });

  test("R12 pseudo-headers, then grpc-timeout, then the call's other fields, then metadata", () => {
    const metadata = new Metadata({ "x-first": "1", "y-bin": Uint8Array.of(1) });
    assert.deepEqual(Object.keys(request({ timeoutMs: 500, metadata, coding: "gzip" })), [
      ":method",
      ":scheme",
      ":path",
      ":authority",
      "grpc-timeout",
      "te",
      "content-type",
      "grpc-encoding",
      "grpc-accept-encoding",
      "user-agent",
      "x-first",
      "y-bin",
    ]);
  });

  test("R1 R4 POST, the scheme and the authority stand in the pseudo-headers", () => {
    const headers = request({ scheme: "https", authority: "example.test:443" });
    assert.deepEqual(
      [headers[":method"], headers[":scheme"], headers[":authority"]],
      ["POST", "https", "example.test:443"],
    );
  });

  test("R8 grpc-timeout is there when there is a deadline, and only then", () => {
    assert.equal(request({ timeoutMs: 500 })["grpc-timeout"], "500000u");
    assert.ok(!("grpc-timeout" in request()));
  });

  test("metadata cannot take the place of a field that the call defines", () => {
    const received = Metadata.fromRawHeaders([
      "te",
      "x",
      "content-type",
      "text/html",
      "grpc-timeout",
      "1H",
      ":path",
      "/",
    ]);
    assert.deepEqual(request({ metadata: received }), request());
  });
});

describe("responseHeaders, trailers, trailersOnly", () => {
  test("R59 a response's headers are status 200, the content-type, the codings and metadata", () => {
    const contentType = "application/grpc+proto";
    const accepted = "identity,gzip";
    const metadata = new Metadata({ x: "1" });
    assert.deepEqual(Object.entries(responseHeaders({ contentType, coding: "gzip", accepted, metadata })), [
      [":status", 200],
      ["content-type", "application/grpc+proto"],
      ["grpc-encoding", "gzip"],
      ["grpc-accept-encoding", "identity,gzip"],
      ["x", "1"],
    ]);
    assert.deepEqual(responseHeaders({ contentType, coding: undefined, accepted, metadata: undefined }), {
      ":status": 200,
      "content-type": "application/grpc+proto",
      "grpc-accept-encoding": "identity,gzip",
    });
  });

  test("R63 grpc-status is decimal without leading zeros", () => {
    for (const code of CODES) {
      const status = { code, message: "" };
      assert.equal(trailers(status, undefined)["grpc-status"], String(code));
      assert.equal(trailersOnly("application/grpc", status, undefined)["grpc-status"], String(code));
      assert.match(String(trailers(status, undefined)["grpc-status"]), /^(?:0|[1-9][0-9]?)$/);
    }
  });

  test("R65 grpc-message is percent-encoded", () => {
    const status = { code: Code.NOT_FOUND, message: "100% ☺\n" };
    assert.equal(trailers(status, undefined)["grpc-message"], "100%25 %E2%98%BA%0A");
    assert.equal(trailersOnly("application/grpc", status, undefined)["grpc-message"], "100%25 %E2%98%BA%0A");
  });

  test("R67 without a text there is no grpc-message, and beside OK never", () => {
    assert.deepEqual(trailers({ code: Code.ABORTED, message: "" }, undefined), { "grpc-status": "10" });
    assert.deepEqual(trailers({ code: Code.OK, message: "all well" }, undefined), { "grpc-status": "0" });
  });

  test("the details of an error are left out beside OK", () => {
    const metadata = new Metadata({ "grpc-status-details-bin": Uint8Array.of(8, 5), x: "1" });
    assert.deepEqual(trailers({ code: Code.OK, message: "" }, metadata), { x: "1", "grpc-status": "0" });
    const error = trailers({ code: Code.NOT_FOUND, message: "" }, metadata);
    assert.equal(error["grpc-status-details-bin"], "CAU");
  });

  test("R36 metadata never overrides the status", () => {
    const received = Metadata.fromRawHeaders(["grpc-status", "0", "grpc-message", "fine", "x", "1"]);
    const status = { code: Code.DATA_LOSS, message: "gone" };
    assert.deepEqual(trailers(status, received), { x: "1", "grpc-status": "15", "grpc-message": "gone" });
  });

  test("a Trailers-Only block is the response's headers and the trailers in one", () => {
    const status = { code: Code.UNIMPLEMENTED, message: "no such method" };
    assert.deepEqual(Object.entries(trailersOnly("application/grpc", status, new Metadata({ x: "1" }))), [
      [":status", 200],
      ["content-type", "application/grpc"],
      ["x", "1"],
      ["grpc-status", "12"],
      ["grpc-message", "no such method"],
    ]);
  });

  test("R85 whatever the gRPC status, the HTTP status of a block is 200", () => {
    for (const code of CODES) {
      assert.equal(trailersOnly("application/grpc", { code, message: "" }, undefined)[":status"], 200);
    }
  });
});

describe("grpcSubtype", () => {
  test("gRPC's type, and every other one that only looks like it", () => {
    for (const type of [
      "application/grpc",
      "application/grpc; charset=utf-8",
      "application/grpc ;x",
      "APPLICATION/gRPC",
    ]) {
      assert.equal(grpcSubtype(type), "", type);
    }
    const others = [
      "application/grpc-web",
      "application/grpcx",
      "application/grpc+",
      "text/html",
      "application/json",
      "",
    ];
    for (const type of [undefined, ...others, " application/grpc", "xapplication/grpc", "application/grpc/x"]) {
      assert.equal(grpcSubtype(type), undefined, String(type));
    }
  });

  test("the subtype that stands behind the plus, in lower case and without parameters", () => {
    assert.equal(grpcSubtype("application/grpc+proto"), "proto");
    assert.equal(grpcSubtype("application/grpc+JSON;v=1"), "json");
    assert.equal(grpcSubtype("application/grpc+json ; v=1"), "json");
    assert.equal(grpcSubtype("application/grpc+a+b"), "a+b");
  });
});

describe("parseStatus", () => {
  test("R63 R65 reads what trailers writes, for every code and text", () => {
    fc.assert(
      fc.property(fc.constantFrom(...FAILURES), fc.string({ unit: "grapheme" }), (code, message) => {
        const block = trailers({ code, message }, undefined);
        const read = parseStatus(String(block["grpc-status"]), block["grpc-message"] as string | undefined);
        assert.deepEqual(read, { code, message });
      }),
    );
  });

  test("R67 an absent grpc-message is an empty text", () => {
    assert.deepEqual(parseStatus("5", undefined), { code: Code.NOT_FOUND, message: "" });
    assert.deepEqual(parseStatus("0", undefined), { code: Code.OK, message: "" });
  });

  test("without grpc-status there is no status, whatever grpc-message says", () => {
    assert.equal(parseStatus(undefined, undefined), undefined);
    assert.equal(parseStatus(undefined, "fine"), undefined);
  });

  test("R64 a grpc-status that is not a number is UNKNOWN, and is repeated with the text that came", () => {
    for (const text of ["", "abc", "OK", "-1", "+0", "1.0", "0x0", " 0", "0 ", "1e1", "٠", "NaN", "0, 0"]) {
      const status = parseStatus(text, "why%20not");
      assert.equal(status?.code, Code.UNKNOWN, JSON.stringify(text));
      assert.ok(status.message.includes(JSON.stringify(text)));
      assert.ok(status.message.endsWith(": why not"));
    }
  });

  test("R64 a number that is no code is UNKNOWN, and the number is kept in the message", () => {
    for (const text of ["17", "99", "4294967296", "99999999999999999999"]) {
      assert.deepEqual(parseStatus(text, undefined), {
        code: Code.UNKNOWN,
        message: `peer sent grpc-status ${JSON.stringify(text)}, which is no status code`,
      });
    }
  });

  test("R64 only a number can be OK", () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string(), { nil: undefined }), (text, message) => {
        assert.equal(parseStatus(text, message)?.code === Code.OK, /^0{1,9}$/.test(text));
      }),
    );
  });

  test("a long text of a peer is cut where it is repeated", () => {
    assert.ok((parseStatus("x".repeat(10_000), undefined)?.message.length ?? Infinity) < 200);
  });
});

describe("statusOfHttp", () => {
  /** http-grpc-status-mapping.md */
  const LISTED: Readonly<Record<number, Code>> = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
  };

  test("R83 every listed HTTP status has its code, every other is UNKNOWN", () => {
    for (let httpStatus = 100; httpStatus < 1000; httpStatus++) {
      const { code } = statusOfHttp(httpStatus, "text/html");
      assert.equal(codeName(code), codeName(LISTED[httpStatus] ?? Code.UNKNOWN), `HTTP ${httpStatus}`);
    }
  });

  test("R84 431 is UNKNOWN", () => {
    assert.equal(statusOfHttp(431, undefined).code, Code.UNKNOWN);
  });

  test("R73 200 with a type that is not gRPC's is UNKNOWN and names both", () => {
    assert.deepEqual(statusOfHttp(200, "text/html"), {
      code: Code.UNKNOWN,
      message: 'peer answered HTTP status 200 with content-type "text/html" instead of gRPC',
    });
    assert.match(statusOfHttp(503, undefined).message, /HTTP status 503 with no content-type/);
  });

  test("a long content-type of a peer is cut", () => {
    assert.ok(statusOfHttp(200, "x".repeat(10_000)).message.length < 300);
  });

  test("no HTTP status is OK", () => {
    fc.assert(fc.property(fc.integer(), (httpStatus) => assert.notEqual(statusOfHttp(httpStatus, undefined).code, 0)));
  });
});

describe("a grpc-message that is cut", () => {
  test("R65 R66 is the beginning of the text, and never ends in half an escape", () => {
    const long = fc.string({ unit: "grapheme", minLength: 3000, maxLength: 6000 });
    fc.assert(
      fc.property(long, fc.integer({ min: 0, max: 3 }), (text, shift) => {
        const message = "x".repeat(shift) + text;
        const encoded = String(trailers({ code: Code.ABORTED, message }, undefined)["grpc-message"]);
        assert.ok(encoded.length <= 8192, `${encoded.length} bytes`);
        assert.match(encoded, /^(?:[\x20-\x24\x26-\x7e]|%[0-9A-F]{2})*$/);
        const read = parseStatus("10", encoded)?.message.replace(/\ufffd+$/, "") ?? "";
        assert.ok(message.startsWith(read), "it is the beginning");
      }),
      { numRuns: 50 },
    );
  });
});

describe("any content-type", () => {
  test("R19 is gRPC's only when it is application/grpc, with a subtype or parameters behind it", () => {
    const nearly = fc.stringMatching(/^ ?[Aa]pplication\/(?:grpc|gRPC)[-+;x ]?[a-z+; =]{0,6}$/);
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), (type) => {
        const subtype = grpcSubtype(type);
        const parts = /^application\/grpc(.*)$/i.exec(type)?.[1];
        if (subtype === undefined) return;
        assert.ok(parts !== undefined && /^(?:$|[+; ])/.test(parts), JSON.stringify(type));
        assert.equal(subtype, subtype.toLowerCase());
        if (subtype !== "") assert.ok(parts.toLowerCase().startsWith(`+${subtype}`), JSON.stringify(type));
      }),
      { numRuns: 2000 },
    );
  });
});
