import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Client, Channel, Server, type ServerStreamingCall } from "../../src/index.js";
import { Health, HealthStatuses, type ServingStatus } from "../../src/services/health.js";
import type { HealthCheckResponse } from "../../src/services/gen/health.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import { streamService } from "../../src/services/stream-service.js";
import { RawClient } from "../support/peer.js";
import { prefixed, requestFields } from "../support/peer-service.js";

const [UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN] = [0, 1, 2, 3];
const NAME = StreamService.typeName;

/** Runs `use` against a server with one service of its own, and health. */
async function withHealth(
  use: (at: { server: Server; health: HealthStatuses; client: Client<Health>; port: number }) => Promise<void>,
): Promise<void> {
  const server = new Server().add(StreamService, streamService());
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(`127.0.0.1:${port}`);
  try {
    await use({ server, health: server.health, client: channel.client(Health), port });
  } finally {
    await channel.close();
    await server.close({ graceMs: 0 });
  }
}

async function statusOf(call: ServerStreamingCall<HealthCheckResponse>): Promise<number | undefined> {
  return (await call.receive())?.status;
}

describe("Check", () => {
  test("R301 a service that was added, and the server as a whole, are told; a name that is not known is NOT_FOUND", async () => {
    await withHealth(async ({ client, health }) => {
      assert.deepEqual(await client.check({ service: NAME }), { status: SERVING });
      assert.deepEqual(await client.check({}), { status: SERVING });
      health.set(NAME, "NOT_SERVING");
      assert.deepEqual(await client.check({ service: NAME }), { status: NOT_SERVING });
      for (const service of ["no.Such", NAME.toLowerCase(), `${NAME} `, `.${NAME}`]) {
        const { code, message } = await client.check({ service }).status;
        assert.deepEqual([code, message], [5, `unknown service ${JSON.stringify(service)}`]);
      }
    });
  });

  test("R305 the numbers on the wire", async () => {
    await withHealth(async ({ client, health }) => {
      const told: number[] = [];
      for (const status of ["UNKNOWN", "SERVING", "NOT_SERVING"] satisfies ServingStatus[]) {
        health.set("x", status);
        told.push((await client.check({ service: "x" })).status);
      }
      assert.deepEqual(told, [UNKNOWN, SERVING, NOT_SERVING]);
      const call = client.watch({ service: "y" });
      assert.equal(await statusOf(call), SERVICE_UNKNOWN);
      call.cancel();
    });
  });

  test("R306 the server as a whole is SERVING from the start", () => {
    assert.equal(new HealthStatuses().get(""), "SERVING");
  });
});

describe("Watch", () => {
  test("R302 the status at once and with every change; SERVICE_UNKNOWN until the service is known, and once it is forgotten", async () => {
    await withHealth(async ({ client, health }) => {
      const call = client.watch({ service: "later" });
      assert.equal(await statusOf(call), SERVICE_UNKNOWN);
      health.set("later", "SERVING");
      assert.equal(await statusOf(call), SERVING);
      health.set("later", "NOT_SERVING");
      assert.equal(await statusOf(call), NOT_SERVING);
      health.delete("later");
      assert.equal(await statusOf(call), SERVICE_UNKNOWN);
      call.cancel();
    });
  });

  test("R303 a status that stays the same is not repeated, and a slow watcher gets the latest only", async () => {
    await withHealth(async ({ client, health }) => {
      const call = client.watch({ service: NAME });
      assert.equal(await statusOf(call), SERVING);
      health.set(NAME, "SERVING");
      health.set(NAME, "NOT_SERVING");
      health.set(NAME, "SERVING");
      health.set(NAME, "UNKNOWN");
      assert.equal(await statusOf(call), UNKNOWN);
      call.cancel();
    });
  });

  test("R308 a watcher is forgotten when its stream ends, however it ends", async () => {
    await withHealth(async ({ client, health, port }) => {
      const calls = Array.from({ length: 50 }, (_, i) => client.watch({ service: i % 2 === 0 ? NAME : `none.${i}` }));
      for (const call of calls) await call.receive();
      assert.equal(health.watcherCount, 50);
      for (const call of calls) call.cancel();
      const other = new Channel(`127.0.0.1:${port}`);
      const lost = other.client(Health).watch({});
      await lost.receive();
      await other.destroy();
      // One call more and its answer: what was sent before it has been heard.
      while (health.watcherCount > 0) await client.check({});
      assert.equal(health.watcherCount, 0);
    });
  });

  test("a name that is too long to be kept is refused", async () => {
    await withHealth(async ({ client, health }) => {
      const { code } = await client.watch({ service: "x".repeat(1025) }).status;
      assert.equal(code, 3);
      assert.equal(health.watcherCount, 0);
    });
  });
});

describe("List", () => {
  test("R304 every name with its status, and nothing is changed by asking", async () => {
    await withHealth(async ({ client, health }) => {
      health.set("x", "UNKNOWN");
      const { statuses } = await client.list({});
      assert.deepEqual(Object.fromEntries(statuses), {
        "": { status: SERVING },
        "grpc.health.v1.Health": { status: SERVING },
        "grpc.reflection.v1.ServerReflection": { status: SERVING },
        "grpc.reflection.v1alpha.ServerReflection": { status: SERVING },
        [NAME]: { status: SERVING },
        x: { status: UNKNOWN },
      });
      assert.deepEqual(await client.list({}), { statuses });
    });
  });

  test("R304 more than a hundred services are RESOURCE_EXHAUSTED", async () => {
    await withHealth(async ({ client, health }) => {
      for (let i = 5; i < 100; i++) health.set(`s${i}`, "SERVING");
      assert.equal((await client.list({})).statuses.size, 100);
      health.set("one.more", "SERVING");
      assert.equal((await client.list({}).status).code, 8);
    });
  });
});

describe("shutting down", () => {
  test("R307 everything is NOT_SERVING, and stays so until resumed", async () => {
    await withHealth(async ({ client, health }) => {
      const call = client.watch({ service: NAME });
      assert.equal(await statusOf(call), SERVING);
      health.shutdown();
      assert.equal(await statusOf(call), NOT_SERVING);
      health.set(NAME, "SERVING");
      health.set("new", "SERVING");
      assert.deepEqual([health.get(NAME), health.get("new"), health.get("")], Array(3).fill("NOT_SERVING"));
      health.resume();
      assert.equal(await statusOf(call), SERVING);
      assert.deepEqual([health.get(NAME), health.get("new"), health.get("")], Array(3).fill("SERVING"));
      call.cancel();
    });
  });

  test("R307 a server that closes says NOT_SERVING before its GOAWAY, and no Watch holds it up", async () => {
    const server = new Server();
    const { port } = await server.listen("127.0.0.1:0");
    const client = await RawClient.connect(port);
    try {
      const stream = client.open(requestFields("/grpc.health.v1.Health/Watch"));
      client.data(stream, prefixed(""), { endStream: true });
      const data = (): Buffer[] => client.frames.filter((frame) => frame.name === "DATA").map((frame) => frame.data);
      await client.until("the first status", () => data()[0]);
      const closed = server.close({ graceMs: 60_000 });
      await client.frame("GOAWAY");
      const order = client.frames.map(({ name }) => name);
      assert.ok(order.lastIndexOf("DATA") < order.indexOf("GOAWAY"), order.join(" "));
      assert.deepEqual(
        data().map((bytes) => bytes.toString("hex")),
        ["00000000020801", "00000000020802"],
      );
      assert.equal((await client.reply(stream)).grpcStatus, 14);
      await closed;
    } finally {
      client.destroy();
      await server.close({ graceMs: 0 });
    }
  });
});
