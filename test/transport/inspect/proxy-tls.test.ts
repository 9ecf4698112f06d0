/**
 * The proxy with TLS on both sides: what it sees is plain, whom it believes, and what it says of those who do not believe it.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain, type AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import { Channel, type ChannelTls, Server } from "../../../src/core.js";
import { OrderManagement } from "../../../src/services/gen/order.js";
import { orderManagement } from "../../../src/services/order-management.js";
import { handshakeReason, reasonOf } from "../../../src/transport/inspect/event-words.js";
import { Proxy } from "../../../src/transport/inspect/proxy.js";
import { Trace } from "../../../src/transport/inspect/trace.js";
import type { WireEvent } from "../../../src/transport/inspect/wire-event.js";
import { Authority } from "../../support/certificates.js";

const authority = new Authority();
const other = new Authority("another authority");
const mine = authority.issue();

/** What was told, and a wait for it. */
class Told {
  readonly events: WireEvent[] = [];
  readonly #waiting = new Set<() => void>();

  hear(event: WireEvent): void {
    this.events.push(event);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async first<Kind extends WireEvent["kind"]>(kind: Kind): Promise<Extract<WireEvent, { readonly kind: Kind }>> {
    for (;;) {
      const found = this.events.find((event) => event.kind === kind);
      if (found !== undefined) return found as Extract<WireEvent, { readonly kind: Kind }>;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }
}

async function proxied(
  remote: string,
  serverCa: string,
  use: (address: string, told: Told) => Promise<void>,
  serverName?: string,
): Promise<void> {
  const told = new Told();
  const proxy = new Proxy(
    { remote, tls: { ...mine, ca: serverCa, serverName } },
    new Trace((event) => told.hear(event)),
  );
  const address = await proxy.listen("127.0.0.1", 0);
  try {
    await use(address, told);
  } finally {
    await proxy.close();
  }
}

async function served(use: (address: string) => Promise<void>): Promise<void> {
  const server = new Server({ tls: other.issue() }).add(OrderManagement, orderManagement());
  const { address } = await server.listen("127.0.0.1:0");
  try {
    await use(address);
  } finally {
    await server.close({ graceMs: 0 });
  }
}

async function getOrder(address: string, tls: false | ChannelTls): Promise<unknown> {
  const channel = new Channel(address, { tls, onError: () => undefined });
  try {
    return await channel.client(OrderManagement).getOrder({ value: "none" }, { timeoutMs: 20_000 });
  } finally {
    await channel.destroy();
  }
}

describe("Proxy with TLS", () => {
  test("sees what passes between two that talk TLS, and HTTP/2 is agreed on with both", async () => {
    await served(async (remote) => {
      await proxied(remote, other.cert, async (address, told) => {
        await assert.rejects(getOrder(address, { ca: authority.cert }), /NOT_FOUND/);
        const ended = await told.first("call-ended");
        assert.equal(ended.call.path, "/order.OrderManagement/getOrder");
        assert.equal(ended.call.ending?.how, "status");
        await told.first("closed");
      });
    });
  });

  test("a server that nobody trusted has signed is not spoken to, and that is said", async () => {
    await served(async (remote) => {
      await proxied(remote, authority.cert, async (address, told) => {
        await assert.rejects(getOrder(address, { ca: authority.cert }), /UNAVAILABLE/);
        const { error } = await told.first("unreachable");
        assert.equal(reasonOf(error), "its certificate is signed by nobody who is trusted here");
      });
    });
  });

  test("nor is one whose certificate is for another name", async () => {
    await served(async (remote) => {
      await proxied(
        remote,
        other.cert,
        async (address, told) => {
          await assert.rejects(getOrder(address, { ca: authority.cert }), /UNAVAILABLE/);
          const { error } = await told.first("unreachable");
          assert.match(reasonOf(error), /Hostname\/IP does not match certificate's altnames/);
        },
        "elsewhere.example",
      );
    });
  });

  for (const [who, tls, expected] of [
    [
      "does not trust its certificate",
      { ca: other.cert },
      /^it left in the middle, perhaps as it does not trust the certificate$/,
    ],
    ["speaks no TLS", false, /^what it says is no TLS$/],
  ] as const) {
    test(`says so of a client that ${who}`, async () => {
      await proxied("127.0.0.1:1", other.cert, async (address, told) => {
        await assert.rejects(getOrder(address, tls), /UNAVAILABLE/);
        const { error, peer } = await told.first("handshake-failed");
        assert.match(handshakeReason(error), expected);
        assert.match(peer, /^(?:127\.0\.0\.1:\d+|somebody who has gone)$/);
        assert.ok(told.events.every(({ kind }) => kind === "handshake-failed"));
      });
    });
  }

  test("says in words what a client's alert means", () => {
    const alert = Object.assign(new Error("0A000418:SSL routines"), { code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA" });
    assert.equal(handshakeReason(alert), "it does not trust the certificate that it was shown");
  });

  test("each direction ends by itself", async () => {
    const remote = createServer({ ...other.issue(), ALPNProtocols: ["h2"], allowHalfOpen: true });
    remote.on("secureConnection", (socket) => {
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += String(chunk)));
      socket.on("end", () => socket.end(`all of ${text}`));
    });
    remote.listen(0, "127.0.0.1");
    await once(remote, "listening");
    try {
      await proxied(`127.0.0.1:${(remote.address() as AddressInfo).port}`, other.cert, async (address, told) => {
        const [host, port] = address.split(":");
        const options = { host, port: Number(port), ca: authority.cert, ALPNProtocols: ["h2"], allowHalfOpen: true };
        const client: TLSSocket = connect(options);
        client.end("hello");
        let answer = "";
        for await (const chunk of client) answer += String(chunk);
        assert.equal(answer, "all of hello");
        assert.equal(client.alpnProtocol, "h2");
        assert.equal((await told.first("closed")).broken, undefined);
      });
    } finally {
      remote.close();
    }
  });

  test("who connects and says nothing holds up nobody when the proxy closes", async () => {
    await proxied("127.0.0.1:1", other.cert, async (address) => {
      const [host = "", port] = address.split(":");
      const silent = connectPlain(Number(port), host);
      silent.on("error", () => undefined);
      await once(silent, "connect");
    });
  });
});
