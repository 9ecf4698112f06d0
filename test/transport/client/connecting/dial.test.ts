/**
 * The option `dial` of a channel: connections that are not sockets of its own.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { describe, test } from "node:test";
import { Channel, Code, Server, StatusError, type Address, type ChannelOptions } from "../../../../src/index.js";
import { PairedEnd } from "../../../../src/transport/duplex-pair.js";
import { Authority } from "../../../support/certificates.js";
import { Echo } from "../../../support/echo-service.js";
import { behaveAs, bytesOf, echo } from "../../../support/echo-ways.js";

async function failureOf(options: ChannelOptions): Promise<StatusError> {
  const channel = new Channel("localhost:1", options);
  const error: unknown = await channel
    .client(Echo)
    .unary({})
    .then(
      () => undefined,
      (one: unknown) => one,
    );
  await channel.close();
  assert.ok(error instanceof StatusError);
  return error;
}

/** Two linked streams that hand over at once, in the turn of the writer. */
function hastyPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  for (const other of [1, 0]) {
    ends.push(
      new Duplex({
        read: () => undefined,
        write: (chunk, _encoding, done) => {
          ends[other]?.push(chunk);
          done();
        },
        final: (done) => {
          ends[other]?.push(null);
          done();
        },
        destroy: (error, done) => {
          ends[other]?.push(null);
          done(error);
        },
      }),
    );
  }
  return ends as [Duplex, Duplex];
}

describe("ChannelOptions.dial", () => {
  for (const tls of [false, true]) {
    test(`headers and messages in one chunk of a stream that is no socket are read in their order${tls ? ", with TLS" : ""}`, async () => {
      const authority = new Authority();
      await using server = new Server({
        compression: { send: "gzip", minBytes: 0 },
        ...(tls ? { tls: authority.issue() } : {}),
      }).add(Echo, behaveAs(echo));
      const { port } = await server.listen("127.0.0.1:0");
      const dial = (): Duplex => {
        const socket = connect(port, "127.0.0.1");
        return Duplex.from({ readable: socket, writable: socket });
      };
      await using channel = new Channel("localhost:1", { dial, tls: tls ? { ca: authority.cert } : false });
      const payload = bytesOf(500);
      // Compressed messages can be read only by those who know the headers.
      assert.deepEqual((await channel.client(Echo).unary({ payload })).payload, payload);
      let messages = 0;
      for await (const message of channel.client(Echo).serverStreaming({ payload })) {
        assert.deepEqual(message.payload, payload);
        messages++;
      }
      assert.equal(messages, 1);
    });
  }

  test("is given the address, and what it returns is the connection", async () => {
    await using server = new Server().add(Echo, behaveAs(echo));
    const { port } = await server.listen("127.0.0.1:0");
    const addresses: Address[] = [];
    const dial = (address: Address): Duplex => {
      addresses.push(address);
      return connect(port, "127.0.0.1");
    };
    for (const target of ["127.0.0.1:50051", "unix:/nowhere"]) {
      const channel = new Channel(target, { dial });
      assert.equal((await channel.client(Echo).unary({ text: "there" })).text, "there");
      await channel.close();
    }
    assert.deepEqual(addresses, [
      { kind: "tcp", host: "127.0.0.1", port: 50_051 },
      { kind: "unix", path: "/nowhere" },
    ]);
  });

  test("with TLS, hands are shaken on whatever stream it is", async () => {
    const authority = new Authority();
    await using server = new Server({ tls: authority.issue() }).add(Echo, behaveAs(echo));
    const dial = (): Duplex => {
      const [near, far] = PairedEnd.pair();
      server.serve(far);
      return near;
    };
    const channel = new Channel("localhost:50051", { dial, tls: { ca: authority.cert } });
    assert.equal((await channel.client(Echo).unary({ text: "sealed" })).text, "sealed");
    await channel.close();
    const error = await failureOf({ dial, tls: true });
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.match(error.rawMessage, /not signed by a trusted authority/);
  });

  test("a stream that hands over its far end's answer while it writes is no danger", async () => {
    await using server = new Server().add(Echo, behaveAs(echo));
    const channel = new Channel("localhost:1", {
      dial: () => {
        const [near, far] = hastyPair();
        server.serve(far);
        return near;
      },
    });
    const client = channel.client(Echo);
    const payload = bytesOf(1_000_000);
    assert.deepEqual(Buffer.from((await client.unary({ payload })).payload), Buffer.from(payload));
    let messages = 0;
    for await (const message of client.bidiStreaming(
      Array.from({ length: 100 }, () => ({ payload: bytesOf(10_000) })),
    )) {
      messages += message.payload.length / 10_000;
    }
    assert.equal(messages, 100);
    await channel.close();
  });

  test("a stream goes with its connection, and the connection with its stream", async () => {
    await using server = new Server().add(Echo, behaveAs(echo));
    const ends: Duplex[] = [];
    const dial = (): Duplex => {
      const pair = hastyPair();
      ends.push(...pair);
      server.serve(pair[1]);
      return pair[0];
    };
    const channel = new Channel("localhost:1", { dial });
    await channel.client(Echo).unary({});
    const first = ends.map((end) => new Promise((resolve) => end.once("close", resolve)));
    ends[0]?.destroy();
    await Promise.all(first);
    // The channel may hear of it a moment later.
    const client = channel.client(Echo);
    await client.unary({}).catch(() => client.unary({}));
    const second = ends.slice(2).map((end) => new Promise((resolve) => end.once("close", resolve)));
    await channel.close();
    await Promise.all(second);
    assert.equal(ends.length, 4);
  });

  test("a stream that fails is a connection that fails, with its reason", async () => {
    const dial = (): Duplex => {
      const [near] = PairedEnd.pair();
      setImmediate(() => near.destroy(new Error("no route through the tunnel")));
      return near;
    };
    const error = await failureOf({ dial });
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.match(error.message, /no route through the tunnel/);
  });

  test("so is an exception, and what is no stream", async () => {
    const dial = (): Duplex => {
      throw new Error("no tunnel");
    };
    assert.match((await failureOf({ dial })).message, /no tunnel/);
    const nonsense = (() => 5) as unknown as () => Duplex;
    assert.match(
      (await failureOf({ dial: nonsense })).message,
      /dial must return a duplex stream, but returned number/,
    );
  });

  test("must be a function; and another host wants a word on TLS all the same", () => {
    const dial = "tunnel" as unknown as () => Duplex;
    assert.throws(
      () => new Channel("localhost:1", { dial }),
      /option dial .* must be a function: current value is "tunnel"/,
    );
    assert.throws(
      () => new Channel("example.com:1", { dial: () => PairedEnd.pair()[0] }),
      /whether the connection is encrypted/,
    );
  });
});
