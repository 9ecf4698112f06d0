/**
 * Health checks by the client, on the wire: when servers are asked, and what their answers do.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Code, Server, type ChannelOptions, type Client } from "../../src/index.js";
import { Setting } from "../support/http2-frame.js";
import { field, RawServer, type Frame, type PeerOptions, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, outcome } from "../support/peer-scripted.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS, Wire } from "../support/peer-service.js";

guardProcess();

const WATCH = "/grpc.health.v1.Health/Watch";
/** `HealthCheckResponse`s. */
const SERVING = Buffer.of(8, 1);
const NOT_SERVING = Buffer.of(8, 2);

const CONFIG = { loadBalancingConfig: [{ round_robin: {} }], healthCheckConfig: { serviceName: "wire.Wire" } };

interface Asked {
  readonly server: RawServer;
  readonly channel: Channel;
  readonly client: Client<typeof Wire>;
  readonly errors: unknown[];
}

async function asked(
  options: ChannelOptions & { peer?: PeerOptions },
  use: (asked: Asked) => Promise<void>,
): Promise<void> {
  const { peer, ...channelOptions } = options;
  const server = await RawServer.listen(peer);
  const errors: unknown[] = [];
  const channel = new Channel(`127.0.0.1:${server.port}`, {
    serviceConfig: CONFIG,
    onError: (error) => errors.push(error),
    ...channelOptions,
  });
  try {
    await use({ server, channel, client: channel.client(Wire), errors });
  } finally {
    await channel.destroy();
    await server.close();
  }
}

/** The question that came on a connection. */
async function question(connection: ServerPeer): Promise<Frame> {
  const frame = await connection.request();
  assert.equal(field(frame.fields, ":path"), WATCH);
  return frame;
}

/** Answers a question for the first time. */
function say(connection: ServerPeer, { streamId }: Frame, status: Buffer): void {
  connection.headers(streamId, RESPONSE_FIELDS);
  connection.data(streamId, prefixed(status));
}

async function until(channel: Channel, state: Channel["state"]): Promise<void> {
  while (channel.state !== state) await channel.waitForStateChange(channel.state);
}

describe("asking", () => {
  test("R283 R284 a server is asked about the service that the config names, and is connecting until it answers", async () => {
    await asked({}, async ({ server, channel, client }) => {
      const call = client.unary(Buffer.from("x"));
      const connection = await server.connection();
      const watch = await question(connection);
      const { data } = await connection.reply(watch.streamId);
      assert.deepEqual(data, prefixed(Buffer.concat([Buffer.of(10, 9), Buffer.from("wire.Wire")])));
      await connection.roundTrip();
      assert.equal(channel.state, "CONNECTING");
      assert.equal(connection.frames.filter(({ name }) => name === "HEADERS").length, 1, "the call waits");
      say(connection, watch, SERVING);
      const { streamId } = await connection.request();
      assert.equal(channel.state, "READY");
      answer(connection, streamId, ["y"]);
      assert.equal(Buffer.from(await call).toString(), "y");
    });
  });

  test("R283 an empty name is one, no name asks nobody, and an option switches it off", async () => {
    await asked(
      { serviceConfig: { ...CONFIG, healthCheckConfig: { serviceName: "" } } },
      async ({ server, channel }) => {
        channel.connect();
        const connection = await server.connection();
        const { data } = await connection.reply((await question(connection)).streamId);
        assert.deepEqual(data, prefixed(Buffer.alloc(0)));
      },
    );
    for (const options of [
      { serviceConfig: { ...CONFIG, healthCheckConfig: {} } },
      { serviceConfig: CONFIG, healthChecks: false },
    ]) {
      await asked(options, async ({ server, channel }) => {
        channel.connect();
        await until(channel, "READY");
        const connection = await server.connection();
        await connection.roundTrip();
        assert.ok(!connection.frames.some(({ name }) => name === "HEADERS"));
      });
    }
  });

  test("R287 pick_first of a channel asks nobody", async () => {
    const serviceConfig = { healthCheckConfig: { serviceName: "wire.Wire" } };
    await asked({ serviceConfig }, async ({ server, channel }) => {
      channel.connect();
      await until(channel, "READY");
      const connection = await server.connection();
      await connection.roundTrip();
      assert.ok(!connection.frames.some(({ name }) => name === "HEADERS"));
    });
  });
});

describe("answers", () => {
  test("R284 one that is not serving gets no calls, which fail and say why; later answers count as well", async () => {
    await asked({}, async ({ server, channel, client }) => {
      const call = outcome(client.unary(Buffer.from("x")));
      const connection = await server.connection();
      const watch = await question(connection);
      say(connection, watch, NOT_SERVING);
      const { code, error } = await call;
      assert.equal(code, Code.UNAVAILABLE);
      assert.match(error?.message ?? "", /does not want calls \(127\.0\.0\.1:\d+: it says that it is not serving\)/);
      assert.equal(channel.state, "TRANSIENT_FAILURE");
      const waiting = client.unary(Buffer.from("x"), { waitForReady: true });
      connection.data(watch.streamId, prefixed(SERVING));
      const { streamId } = await connection.request();
      answer(connection, streamId, ["y"]);
      await waiting;
      connection.data(watch.streamId, prefixed(Buffer.of(8, 3)));
      await until(channel, "TRANSIENT_FAILURE");
      connection.data(watch.streamId, prefixed(SERVING));
      await until(channel, "READY");
    });
  });

  test("R285 one without the service is taken, is not asked again, and that is told once", async () => {
    await asked({}, async ({ server, channel, errors }) => {
      channel.connect();
      for (let round = 0; round < 2; round++) {
        const connection = await server.connection();
        const { streamId } = await question(connection);
        connection.headers(streamId, [...RESPONSE_FIELDS, ["grpc-status", "12"]], { endStream: true });
        await until(channel, "READY");
        await connection.roundTrip();
        assert.equal(connection.frames.filter(({ name }) => name === "HEADERS").length, 1);
        connection.abort();
        await channel.waitForStateChange("READY");
        // It had taken a call, the question: it is connected again at once.
      }
      assert.equal(errors.length, 1);
      assert.match(String(errors[0]), /the server has no health service/);
    });
  });

  test("R286 a question that ends, well or badly, is asked again, at once when it had been answered", async () => {
    await asked({}, async ({ server, channel }) => {
      channel.connect();
      const connection = await server.connection();
      const first = await question(connection);
      say(connection, first, SERVING);
      await until(channel, "READY");
      connection.headers(first.streamId, OK_TRAILERS, { endStream: true });
      await until(channel, "TRANSIENT_FAILURE");
      const second = await question(connection);
      say(connection, second, SERVING);
      await until(channel, "READY");
      connection.reset(second.streamId, 2);
      await until(channel, "TRANSIENT_FAILURE");
      say(connection, await question(connection), SERVING);
      await until(channel, "READY");
    });
  });

  test("R286 one that was not answered is asked again after a delay; nonsense is an end like any other", async () => {
    await asked({}, async ({ server, channel }) => {
      channel.connect();
      const connection = await server.connection();
      const began = performance.now();
      say(connection, await question(connection), Buffer.of(8));
      await until(channel, "TRANSIENT_FAILURE");
      await question(connection);
      assert.ok(performance.now() - began > 900, `${performance.now() - began} ms`);
    });
  });
});

describe("the question itself", () => {
  test("R288 ends when its connection takes no more streams, and when the channel closes", async () => {
    await asked({}, async ({ server, channel }) => {
      channel.connect();
      const connection = await server.connection();
      const watch = await question(connection);
      say(connection, watch, SERVING);
      await until(channel, "READY");
      connection.goaway(watch.streamId, 0);
      assert.equal((await connection.frame("RST_STREAM", watch.streamId)).errorCode, 8);
      await connection.disconnected();
      const next = await server.connection();
      const again = await question(next);
      say(next, again, SERVING);
      await until(channel, "READY");
      const closed = channel.close();
      assert.equal((await next.frame("RST_STREAM", again.streamId)).errorCode, 8);
      await closed;
    });
  });

  test("R288 is one of the streams that the server allows", async () => {
    const settings = { [Setting.MAX_CONCURRENT_STREAMS]: 2 };
    await asked({ peer: { settings }, maxConnectionsPerAddress: 1 }, async ({ server, channel, client }) => {
      const calls = [client.unary(Buffer.from("1")), client.unary(Buffer.from("2"))];
      const connection = await server.connection();
      say(connection, await question(connection), SERVING);
      await until(channel, "READY");
      const one = await connection.request();
      await connection.roundTrip();
      assert.equal(connection.frames.filter(({ name }) => name === "HEADERS").length, 2);
      answer(connection, one.streamId, ["a"]);
      answer(connection, (await connection.request()).streamId, ["b"]);
      assert.equal((await Promise.all(calls)).length, 2);
    });
  });

  test("R284 a server of ours is asked and answers, and what it says of itself counts", async () => {
    const server = new Server();
    const { port } = await server.listen("127.0.0.1:0");
    const channel = new Channel(`127.0.0.1:${port}`, {
      serviceConfig: { ...CONFIG, healthCheckConfig: { serviceName: "" } },
    });
    try {
      channel.connect();
      await until(channel, "READY");
    } finally {
      await channel.destroy();
      await server.close();
    }
  });
});
