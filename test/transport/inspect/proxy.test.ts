/**
 * The proxy between plain sockets: what passes, how late and how fast, and how each side hears of the other's end.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import { Proxy, type ProxyListener, type ProxyOptions } from "../../../src/transport/inspect/proxy.js";
import { FaultScript, type ArmedFault } from "../../../src/transport/inspect/faults/fault-script.js";
import type { Side } from "../../../src/transport/inspect/conversation.js";

/** What the proxy told, a line each. */
class Told implements ProxyListener {
  readonly lines: string[] = [];
  readonly bytesOf: Record<Side, number> = { client: 0, server: 0 };
  hold: (() => Promise<void> | undefined) | undefined;
  readonly #waiting = new Set<() => void>();

  accepted(connection: number): void {
    this.#tell(`${connection} accepted`);
  }
  handshakeFailed(_peer: string, error: Error): void {
    this.#tell(`no TLS: ${(error as NodeJS.ErrnoException).code ?? error.message}`);
  }
  connected(connection: number): void {
    this.#tell(`${connection} connected`);
  }
  unreachable(connection: number, error: Error): void {
    this.#tell(`${connection} unreachable ${(error as NodeJS.ErrnoException).code ?? error.message}`);
  }
  bytes(_connection: number, from: Side, chunk: Buffer): Promise<void> | undefined {
    this.bytesOf[from] += chunk.length;
    return this.hold?.();
  }
  halfClosed(connection: number, from: Side): void {
    this.#tell(`${connection} ${from} half-closed`);
  }
  faulted(connection: number, fault: ArmedFault, call: { readonly streamId: number } | undefined): void {
    this.#tell(`${connection} fault "${fault.text}"${call === undefined ? "" : ` on ${call.streamId}`}`);
  }
  closed(connection: number, error: { readonly from: Side } | undefined): void {
    this.#tell(`${connection} closed${error === undefined ? "" : ` by an error of the ${error.from}`}`);
  }

  /** Resolves when a line has been told. */
  async until(line: string): Promise<void> {
    while (!this.lines.includes(line)) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #tell(line: string): void {
    this.lines.push(line);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

interface Between {
  readonly told: Told;
  readonly remote: Server;
  /** Connects, and gives both ends. */
  join(): Promise<{ readonly client: Socket; readonly server: Socket }>;
}

async function between(options: Omit<ProxyOptions, "remote">, use: (between: Between) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const remote = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(remote, "listening");
  const told = new Told();
  const proxy = new Proxy({ ...options, remote: `127.0.0.1:${(remote.address() as AddressInfo).port}` }, told);
  const port = Number((await proxy.listen("127.0.0.1", 0)).split(":")[1]);
  const join = async () => {
    const taken = once(remote, "connection") as Promise<[Socket]>;
    const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const [server] = await taken;
    sockets.push(client, server);
    return { client, server };
  };
  try {
    await use({ told, remote, join });
  } finally {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    remote.close();
  }
}

/** The buffers fill, and then nothing moves: two looks, with time between them that bytes would have used. Gives what was read. */
async function standstill(told: Told): Promise<number> {
  let before = -1;
  while (before !== told.bytesOf.client || before === 0) {
    before = told.bytesOf.client;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return before;
}

async function read(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += String(chunk);
  return text;
}

describe("Proxy", () => {
  test("passes bytes on in both directions, and each direction's end by itself", async () => {
    await between({}, async ({ told, join }) => {
      const { client, server } = await join();
      client.end("question");
      assert.equal(await read(server), "question");
      // The client has said everything, and is still answered.
      server.write("an ");
      server.end("answer");
      assert.equal(await read(client), "an answer");
      await told.until("1 closed");
      assert.deepEqual(told.lines, [
        "1 accepted",
        "1 connected",
        "1 client half-closed",
        "1 server half-closed",
        "1 closed",
      ]);
      assert.deepEqual(told.bytesOf, { client: 8, server: 9 });
    });
  });

  test("numbers connections, which do not hear of each other", async () => {
    await between({}, async ({ told, join }) => {
      const [first, second] = [await join(), await join()];
      first.client.end("1");
      second.client.end("2");
      assert.deepEqual([await read(first.server), await read(second.server)], ["1", "2"]);
      assert.deepEqual(told.lines.filter((line) => line.endsWith("connected")).toSorted(), [
        "1 connected",
        "2 connected",
      ]);
    });
  });

  for (const from of ["client", "server"] as const) {
    test(`passes a reset of the ${from} on as a reset`, async () => {
      await between({}, async ({ told, join }) => {
        const ends = await join();
        const other = from === "client" ? ends.server : ends.client;
        other.on("error", () => undefined).resume();
        const closed = once(other, "error") as Promise<[NodeJS.ErrnoException]>;
        await told.until("1 connected");
        ends[from].on("error", () => undefined).resetAndDestroy();
        const [error] = await closed;
        assert.equal(error.code, "ECONNRESET");
        await told.until(`1 closed by an error of the ${from}`);
      });
    });
  }

  test("says when the server cannot be reached, and resets the client", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    await new Promise((resolve) => taken.close(resolve));
    const told = new Told();
    const proxy = new Proxy({ remote: `127.0.0.1:${port}` }, told);
    const address = await proxy.listen("127.0.0.1", 0);
    const client = connect({ port: Number(address.split(":")[1]), host: "127.0.0.1" });
    await once(client, "error");
    await told.until("1 closed");
    assert.deepEqual(told.lines, ["1 accepted", "1 unreachable ECONNREFUSED", "1 closed"]);
    await proxy.close();
  });

  for (const [what, options] of [
    ["", {}],
    [", with faults armed neither", { faults: new FaultScript() }],
  ] as const) {
    test(`does not read what the other side does not take${what}`, async () => {
      await between(options, async ({ told, join }) => {
        const { client, server } = await join();
        server.pause();
        const total = 64 * 1024 * 1024;
        client.end(Buffer.alloc(total));
        const before = await standstill(told);
        assert.ok(before < total / 2, `${before} bytes were read`);
        server.resume();
        await once(server, "end");
        assert.equal(told.bytesOf.client, total);
      });
    });
  }

  test("a long delay holds 4 MiB of each direction, and reads no further", async () => {
    await between({ delayMs: 600_000 }, async ({ told, join }) => {
      const { client } = await join();
      client.on("error", () => undefined).write(Buffer.alloc(64 * 1024 * 1024));
      const held = await standstill(told);
      assert.ok(held >= 4 * 1024 * 1024 && held <= 5 * 1024 * 1024, `${held} bytes were read`);
    });
  });

  test("waits with the next bytes for who listens", async () => {
    await between({}, async ({ told, join }) => {
      const { client, server } = await join();
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      told.hold = () => held;
      client.write("first");
      assert.equal(String((await once(server, "data"))[0]), "first");
      client.end("second");
      const second = once(server, "data");
      assert.equal(await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 50, "held"))]), "held");
      told.hold = undefined;
      release();
      assert.equal(String(((await second) as [Buffer])[0]), "second");
    });
  });

  test("brings everything later by the delay, in order, the end included", async () => {
    await between({ delayMs: 120 }, async ({ join }) => {
      const { client, server } = await join();
      const startedAtMs = performance.now();
      for (let i = 0; i < 20; i++) client.write(`${i} `);
      client.end();
      const text = await read(server);
      assert.equal(text, Array.from({ length: 20 }, (_, i) => `${i} `).join(""));
      assert.ok(performance.now() - startedAtMs >= 119);
    });
  });

  test("passes no more in a second than the rate of each direction", async () => {
    await between({ upBytesPerSecond: 20_000, downBytesPerSecond: 40_000 }, async ({ join }) => {
      const { client, server } = await join();
      const startedAtMs = performance.now();
      client.end("x".repeat(10_000));
      server.end("y".repeat(10_000));
      const timed = async (socket: Socket): Promise<[number, number]> => {
        const { length } = await read(socket);
        return [length, performance.now() - startedAtMs];
      };
      const [[up, upMs], [down, downMs]] = await Promise.all([timed(server), timed(client)]);
      assert.deepEqual([up, down], [10_000, 10_000]);
      // A tenth of a second's worth goes at once.
      assert.ok(upMs >= 390, `${upMs} ms`);
      assert.ok(downMs >= 140, `${downMs} ms`);
    });
  });

  test("has told of the end of every connection when it is closed", async () => {
    let lines: readonly string[] = [];
    await between({}, async ({ told, join }) => {
      for (let i = 0; i < 20; i++) await join();
      ({ lines } = told);
      await told.until("20 connected");
    });
    assert.equal(lines.filter((line) => line.endsWith(" closed")).length, 20);
  });

  test("refuses a remote that is no address", () => {
    assert.throws(() => new Proxy({ remote: "nowhere" }, new Told()), /Cannot read the address/);
  });
});
