/** The codings of one side: what its option says, and what it is told when it says it wrong. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deflate, gzip } from "../../src/codec/compression.js";
import { Codings, PeerCodings, type CompressionOptions } from "../../src/transport/codings.js";
import { flip } from "../support/test-codings.js";

function wrong(options: unknown): string {
  let message = "nothing was thrown";
  assert.throws(
    () => new Codings("Channel", options as CompressionOptions),
    (error: unknown) => {
      assert.ok(error instanceof TypeError);
      ({ message } = error);
      return true;
    },
  );
  return message;
}

describe("Codings", () => {
  test("R116 R127 gzip and deflate are taken and nothing is sent in them, unless the option says so", () => {
    for (const codings of [new Codings("Server"), new Codings("Server", {})]) {
      assert.equal(codings.accepted, "identity,gzip,deflate");
      assert.equal(codings.find("gzip"), gzip);
      assert.equal(codings.find("deflate"), deflate);
      assert.equal(codings.send, undefined);
    }
  });

  test("R124 what is not in the list of codings is not there", () => {
    const none = new Codings("Server", { codings: [] });
    assert.equal(none.accepted, "identity");
    for (const name of ["gzip", "deflate", "identity", "", "constructor"]) assert.equal(none.find(name), undefined);
    const own = new Codings("Server", { codings: [flip, gzip] });
    assert.equal(own.accepted, "identity,x-flip,gzip");
    assert.equal(own.find("x-flip"), flip);
    assert.equal(own.find("deflate"), undefined);
  });

  test("what is sent is one of the codings, from 1024 bytes on by a server, from 0 on by a channel, or from as many as are said", () => {
    assert.deepEqual(new Codings("Server", { send: "gzip" }).send, { compressor: gzip, minBytes: 1024 });
    assert.deepEqual(new Codings("Channel", { send: "gzip" }).send, { compressor: gzip, minBytes: 0 });
    assert.deepEqual(new Codings("Server", { send: "deflate", minBytes: 0 }).send, {
      compressor: deflate,
      minBytes: 0,
    });
    assert.equal(new Codings("Server", { send: "identity" }).send, undefined);
    const codings = new Codings("Server", { minBytes: 7 });
    assert.deepEqual(codings.sendingIn("gzip"), { compressor: gzip, minBytes: 7 });
    assert.equal(codings.sendingIn("identity"), undefined);
  });

  test("a coding that is not there is a TypeError naming those that are", () => {
    assert.match(wrong({ send: "br" }), /"br" as the codings here are identity, gzip, deflate$/);
    assert.match(wrong({ send: "gzip", codings: [flip] }), /"gzip" as the codings here are identity, x-flip$/);
    assert.match(wrong({ send: 1 }), /Cannot compress in number/);
    assert.throws(() => new Codings("Server").sendingIn("constructor"), TypeError);
  });

  test("options of a wrong form are TypeErrors", () => {
    assert.match(wrong({ sned: "gzip" }), /no option "sned"; did you mean "send"\?/);
    assert.match(wrong(null), /must be an object/);
    assert.match(wrong("gzip"), /must be an object/);
    for (const minBytes of [-1, Number.NaN, "1"]) assert.match(wrong({ minBytes }), /minBytes/);
    assert.match(wrong({ codings: "gzip" }), /must be an array: current value is string/);
    assert.match(wrong({ codings: [gzip, flip, gzip] }), /two of the name "gzip"/);
    assert.match(wrong({ codings: [{ ...flip, name: "identity" }] }), /two of the name "identity"/);
    for (const coding of [
      undefined,
      null,
      "gzip",
      {},
      { name: "x", compress: flip.compress },
      { name: "x", decompress: flip.decompress },
      ...["", "a b", "a,b", "a\n", "ü", '"', "x".repeat(65), 1].map((name) => ({ ...flip, name })),
    ]) {
      assert.match(wrong({ codings: [coding] }), /must have compress, decompress and a name/);
    }
  });
});

describe("PeerCodings", () => {
  test("R129 everything goes until a list has come, then what the last list says", () => {
    const peer = new PeerCodings();
    assert.ok(peer.take("gzip"));
    peer.learn("identity,deflate");
    assert.ok(peer.take("deflate"));
    assert.ok(!peer.take("gzip"));
    peer.learn("identity, gzip");
    assert.ok(peer.take("gzip"));
    peer.learn("");
    assert.ok(!peer.take("gzip"));
  });
});
