/**
 * The proxy with faults on purpose, between a server and a channel that talk over sockets: what the client gets of it, and what is told.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect, type AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { Channel, codeName, Server, StatusError, type Client } from "../../../src/index.js";
import type { Side } from "../../../src/transport/inspect/conversation.js";
import { FaultScript } from "../../../src/transport/inspect/faults/fault-script.js";
import { readFault } from "../../../src/transport/inspect/faults/fault-text.js";
import { Proxy, type ProxyOptions } from "../../../src/transport/inspect/proxy.js";
import { Echo, type EchoService } from "../../support/echo-service.js";
import { behaveAs, bytesOf } from "../../support/echo-ways.js";

interface Seen {
  readonly faults: string[];
  readonly bytes: Record<Side, Buffer[]>;
}

/** Runs `use` at the address of a proxy in front of `remote`, on which these faults come. */
async function withProxy(
  remote: string,
  faults: readonly string[],
  use: (address: string, seen: Seen) => Promise<void>,
  options: Partial<ProxyOptions> = {},
): Promise<void> {
  const script = new FaultScript();
  for (const text of faults) script.add(readFault(text), text);
  const seen: Seen = { faults: [], bytes: { client: [], server: [] } };
  const nothing = (): void => undefined;
  const proxy = new Proxy(
    { remote, faults: script, ...options },
    {
      accepted: nothing,
      connected: nothing,
      unreachable: nothing,
      halfClosed: nothing,
      closed: nothing,
      handshakeFailed: nothing,
      bytes: (_connection, from, chunk) => {
        seen.bytes[from].push(chunk);
        return undefined;
      },
      faulted: (_connection, fault, call) => seen.faults.push(`${fault.text} on ${call?.streamId ?? "the connection"}`),
    },
  );
  try {
    await use(await proxy.listen("127.0.0.1", 0), seen);
  } finally {
    await proxy.close();
  }
}

async function outcomes(address: string): Promise<string> {
  const channel = new Channel(address, { onError: () => undefined });
  try {
    const client = channel.client(Echo);
    return `${await unary(client)}, ${await streamed(client)}`;
  } finally {
    await channel.destroy();
  }
}

async function unary(client: Client<EchoService>): Promise<string> {
  return client.unary({}, { timeoutMs: 20_000 }).then(
    () => "OK",
    (error: unknown) => (error instanceof StatusError ? error.codeName : String(error)),
  );
}

async function streamed(client: Client<EchoService>): Promise<string> {
  const call = client.serverStreaming({}, { timeoutMs: 20_000 });
  let messages = 0;
  try {
    for await (const { number } of call) assert.equal(number, ++messages);
  } catch (error) {
    assert.ok(error instanceof StatusError);
  }
  return `${messages} then ${codeName((await call.status).code)}`;
}

describe("a Proxy with faults", () => {
  let server: Server;
  let remote = "";
  before(async () => {
    server = new Server();
    server.add(
      Echo,
      behaveAs(function* () {
        for (let number = 1; number <= 5; number++) yield { number, payload: bytesOf(3000) };
      }),
    );
    remote = (await server.listen("127.0.0.1:0")).address;
  });
  after(() => server.close({ graceMs: 0 }));

  const CASES: readonly (readonly [faults: readonly string[], outcome: string])[] = [
    [[], "OK, 5 then OK"],
    [["reset after 3 messages"], "OK, 3 then INTERNAL"],
    [["status=UNAVAILABLE on Unary once"], "UNAVAILABLE, 5 then OK"],
    [["status=ABORTED on ServerStreaming", "status=NOT_FOUND on Unary"], "NOT_FOUND, 0 then ABORTED"],
    [["drop after 2 messages"], "OK, 2 then UNAVAILABLE"],
    [["truncate after 3 messages"], "OK, 3 then UNAVAILABLE"],
    [["goaway once"], "OK, 5 then OK"],
    [["delay 20ms ±10ms"], "OK, 5 then OK"],
    [["refuse"], "UNAVAILABLE, 0 then UNAVAILABLE"],
  ];
  for (const [faults, outcome] of CASES) {
    test(`${faults.join(" and ") || "none armed"}: ${outcome}`, () =>
      withProxy(remote, faults, async (address, seen) => {
        assert.equal(await outcomes(address), outcome);
        for (const text of faults) {
          assert.ok(
            seen.faults.some((told) => told.startsWith(`${text} on `)),
            seen.faults.join("; "),
          );
        }
      }));
  }

  test("faults, a delay and a rate go together", () =>
    withProxy(
      remote,
      ["reset after 3 messages"],
      async (address, seen) => {
        assert.equal(await outcomes(address), "OK, 3 then INTERNAL");
        assert.match(seen.faults.join(), /^reset after 3 messages on \d+$/);
      },
      { delayMs: 20, downBytesPerSecond: 200_000 },
    ));

  test("what is told of is what the client sees", () =>
    withProxy(remote, ['status=ABORTED "not today"'], async (address, { bytes }) => {
      assert.equal(await outcomes(address), "ABORTED, 0 then ABORTED");
      assert.match(Buffer.concat(bytes.server).toString("latin1"), /not today/);
      assert.match(Buffer.concat(bytes.client).toString("latin1"), /^PRI \* HTTP\/2/);
    }));

  test("what is no HTTP/2 passes, whoever speaks first, and is told of", async () => {
    const web = createServer({ allowHalfOpen: true }, (socket) => {
      socket.write("220 ready\r\n");
      socket.on("data", (chunk) => socket.write(chunk)).on("end", () => socket.end(" bye"));
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    await withProxy(
      `127.0.0.1:${(web.address() as AddressInfo).port}`,
      ["reset", "drop after 3 calls"],
      async (address, seen) => {
        const client = connect({ port: Number(address.split(":")[1]), host: "127.0.0.1", allowHalfOpen: true });
        // As much of a preface as anybody's text may begin with.
        client.write("PR");
        client.write("I don't know\n");
        client.end("PRI");
        let text = "";
        for await (const chunk of client) text += String(chunk);
        assert.equal(text, "220 ready\r\nPRI don't know\nPRI bye");
        assert.deepEqual(seen.faults, []);
        assert.equal(Buffer.concat(seen.bytes.client).toString(), "PRI don't know\nPRI");
      },
    );
    web.close();
  });

  test("a beginning that could have become HTTP/2 passes when nothing follows", async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    await withProxy(`127.0.0.1:${(echo.address() as AddressInfo).port}`, ["reset"], async (address) => {
      const client = connect({ port: Number(address.split(":")[1]), host: "127.0.0.1", allowHalfOpen: true });
      client.end("PRI * HT");
      let text = "";
      for await (const chunk of client) text += String(chunk);
      assert.equal(text, "PRI * HT");
    });
    echo.close();
  });
});
