/**
 * TLS with @grpc/grpc-js at the other end, in both directions: all four kinds, client certificates, and certificates refused.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { credentials, ServerCredentials, type ChannelCredentials } from "@grpc/grpc-js";
import { Channel, Code, type ServerTls } from "../../src/core.js";
import { Authority } from "../support/certificates.js";
import { withEcho } from "../support/echo-served.js";
import { Echo, ECHO_PROTO } from "../support/echo-service.js";
import { behaveAs, echo, ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";
import { GrpcJsClient, type GrpcJsMessage, grpcJsServiceOfText, serveGrpcJs } from "../support/grpc-js-peer.js";

const service = grpcJsServiceOfText(ECHO_PROTO, "barewire.test.Echo");
const METHODS = ["Unary", "ServerStreaming", "ClientStreaming", "BidiStreaming"] as const;
const authority = new Authority();
const identity = authority.issue();
const client = authority.issue({ names: ["client-7"] });
const ca = Buffer.from(authority.cert);

function theirs(own?: { readonly cert: string; readonly key: string }): ChannelCredentials {
  return own === undefined
    ? credentials.createSsl(ca)
    : credentials.createSsl(ca, Buffer.from(own.key), Buffer.from(own.cert));
}

/** Runs `use` with a grpc-js client of a server of ours. */
async function withTheirClient(
  tls: ServerTls,
  secure: ChannelCredentials,
  use: (their: GrpcJsClient, subjects: readonly (string | undefined)[]) => Promise<void>,
): Promise<void> {
  const subjects: (string | undefined)[] = [];
  const behaviour = behaveAs((requests, call) => {
    subjects.push(call.peer.tls?.certificate?.subject);
    return echo(requests);
  });
  await withEcho(
    behaviour,
    async ({ port }) => {
      const their = new GrpcJsClient(service, port, {}, secure);
      try {
        await use(their, subjects);
      } finally {
        their.close();
      }
    },
    { server: { tls } },
  );
}

describe("a grpc-js client of our server", () => {
  test("R294 is answered over TLS in all four kinds, and its certificate is shown", () =>
    withTheirClient({ ...identity, clientCa: authority.cert }, theirs(client), async (their, subjects) => {
      for (const name of METHODS) {
        const { messages, status } = await their.call(name, [{ text: name }]);
        assert.equal(status.code, Code.OK, status.details);
        assert.deepEqual(
          messages.map(({ text }) => text),
          [name],
        );
      }
      assert.deepEqual(subjects, Array(4).fill("CN=client-7"));
    }));

  test("R294 without a certificate gets UNAVAILABLE", () =>
    withTheirClient({ ...identity, clientCa: authority.cert }, theirs(), async (their, subjects) => {
      assert.equal((await their.call("Unary", [{}])).status.code, Code.UNAVAILABLE);
      assert.deepEqual(subjects, []);
    }));
});

describe("our client of a grpc-js server", () => {
  async function* theirEcho(requests: AsyncIterable<GrpcJsMessage>): AsyncGenerator<GrpcJsMessage> {
    for await (const request of requests) yield request;
  }

  test("R293 R294 is answered over TLS in every way to call, with its certificate; a stranger's server is refused", async () => {
    const pair = { cert_chain: Buffer.from(identity.cert), private_key: Buffer.from(identity.key) };
    const server = await serveGrpcJs(
      service,
      Object.fromEntries(METHODS.map((name) => [name, theirEcho])),
      ServerCredentials.createSsl(ca, [pair], true),
    );
    const channel = new Channel(`127.0.0.1:${server.port}`, { tls: { ca, ...client } });
    const distrusting = new Channel(`127.0.0.1:${server.port}`, { tls: { ca: new Authority().cert, ...client } });
    const nameless = new Channel(`127.0.0.1:${server.port}`, { tls: { ca } });
    try {
      for (const way of ECHO_WAYS) {
        const { messages, status } = await outcomeOf(way.start(channel.client(Echo), [{ text: way.name }]));
        assert.equal(status.code, Code.OK, status.message);
        assert.deepEqual(
          messages.map(({ text }) => text),
          [way.name],
        );
      }
      assert.match((await distrusting.client(Echo).unary({}).status).message, /not signed by a trusted authority/);
      assert.equal((await nameless.client(Echo).unary({}).status).message, "the server wants a client certificate");
    } finally {
      await Promise.all([channel, distrusting, nameless].map((one) => one.destroy()));
      await server.close();
    }
  });
});
