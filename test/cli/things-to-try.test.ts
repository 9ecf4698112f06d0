import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createDevCertificate } from "../../src/cli/dev-certificate.js";
import { customThingsToTry, thingsToTry, type TlsToTry } from "../../src/cli/things-to-try.js";
import { loadProto } from "../../src/index.js";
import { Authority } from "../support/certificates.js";

const HEADING = "things to try in another terminal:";
const authority = new Authority();

const dev: TlsToTry = { cert: createDevCertificate().cert, caFile: "/tmp/x/ca.pem", wantsClientCertificate: false };

function issued(...names: string[]): TlsToTry {
  return { ...dev, cert: authority.issue({ names }).cert, caFile: undefined };
}

/** The flags of the first demo, and those of grpcurl in front of the ones that are always there. */
function flags(address: string, tls: TlsToTry): [demo: string | undefined, grpcurl: string | undefined] {
  const lines = thingsToTry(address, tls);
  assert.equal(lines.length, 5);
  const [, demo] = /^ {2}npm run demo -- route-guide (.*)$/.exec(lines[1] ?? "") ?? [];
  const [, grpcurl] = /^ {2}grpcurl (.*) ?-import-path /.exec(lines[4] ?? "") ?? [];
  return [demo, grpcurl?.trim()];
}

describe("thingsToTry", () => {
  test("plaintext: the three demos, with the address when it is not where they look", () => {
    assert.deepEqual(thingsToTry("127.0.0.1:50051"), [
      HEADING,
      "  npm run demo -- route-guide",
      "  npm run demo -- orders",
      "  npm run demo -- orderer",
    ]);
    for (const [address, expected] of [
      ["0.0.0.0:50051", ""],
      ["[::]:1", " --addr localhost:1"],
      ["[::1]:50051", " --addr '[::1]:50051'"],
      ["unix:/run/a b'c", String.raw` --addr 'unix:/run/a b'\''c'`],
    ] as const) {
      assert.equal(thingsToTry(address)[1], `  npm run demo -- route-guide${expected}`);
    }
  });

  test("a certificate of an authority nobody knows: that is what to trust, for grpcurl as well", () => {
    const lines = thingsToTry("127.0.0.1:50051", dev);
    assert.equal(lines[3], "  npm run demo -- orderer --tls --ca-file /tmp/x/ca.pem");
    assert.equal(
      lines[4],
      "  grpcurl -cacert /tmp/x/ca.pem -import-path proto -proto route_guide.proto " +
        `-d '{"latitude": 409146138, "longitude": -746188906}' 127.0.0.1:50051 routeguide.RouteGuide/GetFeature`,
    );
    assert.deepEqual(flags("[::1]:7", dev), [
      "--addr '[::1]:7' --tls --ca-file /tmp/x/ca.pem",
      "-cacert /tmp/x/ca.pem",
    ]);
  });

  test("a host that the certificate is not for: a name it is for", () => {
    assert.deepEqual(flags("192.0.2.1:7", dev), [
      "--addr 192.0.2.1:7 --tls --ca-file /tmp/x/ca.pem --server-host-override localhost",
      "-cacert /tmp/x/ca.pem -authority localhost",
    ]);
    assert.deepEqual(flags("127.0.0.1:50051", issued("a.example", "b.example")), [
      "--tls --server-host-override a.example",
      "-authority a.example",
    ]);
    assert.deepEqual(flags("127.0.0.1:50051", issued("*.example")), [
      "--tls --server-host-override any.example",
      "-authority any.example",
    ]);
    assert.deepEqual(flags("127.0.0.1:50051", issued("192.0.2.1")), ["--tls", ""]);
  });

  test("an authority of somebody else: it is the client's to know", () => {
    assert.deepEqual(flags("127.0.0.1:50051", issued("127.0.0.1")), ["--tls", ""]);
  });

  test("clients that must show a certificate are told so", () => {
    assert.deepEqual(flags("127.0.0.1:50051", { ...issued("127.0.0.1"), wantsClientCertificate: true }), [
      "--tls --cert-file YOURS.pem --key-file YOUR-KEY.pem",
      "-cert YOURS.pem -key YOUR-KEY.pem",
    ]);
  });

  test("a unix socket has no name but localhost", () => {
    const lines = thingsToTry("unix:/run/x", dev);
    assert.equal(lines[1], "  npm run demo -- route-guide --addr unix:/run/x --tls --ca-file /tmp/x/ca.pem");
    assert.match(lines[4] ?? "", / -authority localhost .* -unix \/run\/x routeguide\.RouteGuide\/GetFeature$/);
  });
});

describe("customThingsToTry", () => {
  const { services } = loadProto({
    "a.proto": `syntax = "proto3";
      package a;
      message All {
        string text = 1; bytes data = 2; int64 big = 3; bool yes = 4; repeated string many = 5; All child = 6; optional int32 maybe = 7;
        map<string, int32> pairs = 8; oneof one { string left = 9; } Kind kind = 10;
      }
      enum Kind { NONE = 0; }
      message Nothing {}
      service First { rpc Stream(stream Nothing) returns (Nothing); rpc Look(All) returns (Nothing); }
      service Second { rpc Go(stream Nothing) returns (stream Nothing); }
      service Empty {}`,
  });
  const [first, second, empty] = services;
  const request = `{"text":"hello","data":"","big":"0","yes":false,"many":[],"pairs":{},"kind":"NONE"}`;

  test("a list, and a call of the first method that takes and gives one message, by grpcurl and by barewire", () => {
    assert.deepEqual(customThingsToTry("127.0.0.1:7", services), [
      HEADING,
      "  grpcurl -plaintext 127.0.0.1:7 list",
      "  npm run -s barewire -- list 127.0.0.1:7",
      `  grpcurl -plaintext -d '${request}' 127.0.0.1:7 a.First/Look`,
      `  npm run -s barewire -- call 127.0.0.1:7 a.First/Look -d '${request}'`,
    ]);
    assert.ok(first !== undefined);
  });

  test("else of the first method; a request that has nothing to fill in is left out", () => {
    assert.deepEqual(customThingsToTry("[::]:7", second === undefined ? [] : [second]).slice(3), [
      "  grpcurl -plaintext localhost:7 a.Second/Go",
      "  npm run -s barewire -- call localhost:7 a.Second/Go",
    ]);
    assert.equal(customThingsToTry("127.0.0.1:7", empty === undefined ? [] : [empty]).length, 3);
  });

  test("TLS and unix sockets", () => {
    const lines = customThingsToTry("unix:/run/x", services, dev);
    assert.deepEqual(lines.slice(1, 3), [
      "  grpcurl -cacert /tmp/x/ca.pem -authority localhost -unix /run/x list",
      "  npm run -s barewire -- list unix:/run/x --tls --ca-file /tmp/x/ca.pem",
    ]);
    assert.equal(
      customThingsToTry("192.0.2.1:7", services, dev)[1],
      "  grpcurl -cacert /tmp/x/ca.pem -authority localhost 192.0.2.1:7 list",
    );
  });

  test("requests of well-known types are in their own form", () => {
    const sample = (type: string): string | undefined => {
      const text = `syntax = "proto3"; import "google/protobuf/wrappers.proto"; import "google/protobuf/timestamp.proto";
        import "google/protobuf/any.proto"; service S { rpc X(google.protobuf.${type}) returns (google.protobuf.${type}); }`;
      return /-d (.*) 127/.exec(
        customThingsToTry("127.0.0.1:7", loadProto({ "s.proto": text }).services)[3] ?? "",
      )?.[1];
    };
    assert.equal(sample("StringValue"), `'"hello"'`);
    assert.equal(sample("Timestamp"), `'"1970-01-01T00:00:00Z"'`);
    assert.equal(sample("Any"), undefined);
  });
});
