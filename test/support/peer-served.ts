/**
 * A server under test with clients that misbehave, for the length of one test; whatever they did, the next call must work.
 */
import assert from "node:assert/strict";
import { Server, type EndedCall, type Implementation, type ServerOptions } from "../../src/core.js";
import { RawClient, type PeerOptions, type Reply } from "./peer.js";
import type { Field } from "./http2-hpack.js";
import { messagesIn, prefixed, requestFields, Wire } from "./peer-service.js";

export interface Served {
  readonly server: Server;
  readonly port: number;
  /** What the server's `onError` was given. */
  readonly errors: readonly unknown[];
  /** What the server's `onCallEnd` was given. */
  readonly ended: readonly EndedCall[];
  /** A connection of our own to the server. */
  connect(options?: PeerOptions): Promise<RawClient>;
}

type Handlers = Implementation<typeof Wire>;

/** Handlers that give back what they are given. */
const ECHO = {
  unary: (request) => request,
  *serverStreaming(request) {
    yield request;
  },
  async clientStreaming(requests) {
    const received: Uint8Array[] = [];
    for await (const request of requests) received.push(request);
    return Buffer.concat(received);
  },
  async *bidiStreaming(requests) {
    for await (const request of requests) yield request;
  },
  wellbeing: (request) => request,
} satisfies Handlers;

/**
 * Runs `use` with a server whose handlers echo, save for those in `handlers`. Afterwards a fresh connection, and every one
 * of the test that is still usable, must get an answer. `connectTo` makes a connection, where it is not a plain one.
 */
export async function served(
  handlers: Handlers,
  use: (served: Served) => Promise<void>,
  options: ServerOptions = {},
  connectTo: (port: number, options?: PeerOptions) => Promise<RawClient> = RawClient.connect,
): Promise<void> {
  const errors: unknown[] = [];
  const ended: EndedCall[] = [];
  const server = new Server({
    onError: (error) => errors.push(error),
    onCallEnd: (call) => ended.push(call),
    ...options,
  });
  server.add(Wire, { ...ECHO, ...handlers });
  const { port } = await server.listen("127.0.0.1:0");
  const clients: RawClient[] = [];
  const connect = async (peerOptions?: PeerOptions): Promise<RawClient> => {
    const client = await connectTo(port, peerOptions);
    clients.push(client);
    return client;
  };
  try {
    await use({ server, port, errors, ended, connect });
    for (const client of clients) if (isUsable(client)) await checkWellbeing(client);
    await checkWellbeing(await connect());
  } finally {
    for (const client of clients) client.destroy();
    await server.close({ graceMs: 0 });
  }
}

function isUsable(client: RawClient): boolean {
  const leaving = client.frames.some((frame) => frame.name === "GOAWAY");
  return !client.closed && !client.socket.destroyed && client.autoWindow && !leaving;
}

async function checkWellbeing(client: RawClient): Promise<void> {
  const reply = await call(client, "/wire.Wire/Wellbeing", [prefixed("well")]);
  assert.equal(reply.grpcStatus, 0, "the next call works");
  assert.deepEqual(messagesIn(reply.data), ["well"]);
}

/** A whole call: headers, the bytes in one DATA frame each, the half-close on the last one, and the reply. */
export async function call(
  client: RawClient,
  path: string,
  chunks: readonly Uint8Array[],
  extra: readonly Field[] = [],
): Promise<Reply> {
  return exchange(client, requestFields(path, extra), chunks);
}

/** A whole call with these fields as they are. */
export async function exchange(
  client: RawClient,
  fields: readonly Field[],
  chunks: readonly Uint8Array[],
): Promise<Reply> {
  const streamId = client.open(fields, { endStream: chunks.length === 0 });
  chunks.forEach((chunk, i) => client.data(streamId, chunk, { endStream: i === chunks.length - 1 }));
  return client.reply(streamId);
}
