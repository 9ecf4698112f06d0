/**
 * The server of the negative HTTP/2 cases, which breaks the client's expectations frame by frame and looks how it copes:
 * `node --import tsx test/interop/http2-server.ts --port=10000 --test_case=goaway`.
 *
 * Spec: grpc/grpc, doc/http2-interop-test-descriptions.md.
 * Laws: made of the scripted peer, not of the runtime; what the client did wrong is known at the end, from `verify`.
 */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { Flag, FrameType, Setting } from "../support/http2-frame.js";
import { type Frame, RawServer, type Reply, type ServerPeer } from "../support/peer.js";
import { OK_TRAILERS, prefixed, RESPONSE_FIELDS } from "../support/peer-service.js";
import { numberFlag, parseFlags, wantedFlag } from "./flags.js";
import { SimpleRequestType, SimpleResponseType, zeros } from "./service.js";

const PREFIX_BYTES = 5;
const FRAME_BYTES = 5;
const PADDING = 255;
const NO_ERROR = 0;

/** One way to misbehave. */
interface Behaviour {
  /** Once for each connection. */
  readonly greet?: (connection: ServerPeer) => void;
  /** Once for each request that is complete. */
  readonly answer: (connection: ServerPeer, streamId: number, response: Uint8Array) => Promise<void>;
  /** What the server asserts. @throws AssertionError when the client did otherwise. */
  readonly verify?: (connections: readonly ServerPeer[]) => void;
}

export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  goaway: {
    answer: async (connection, streamId, response) => {
      connection.goaway(streamId, NO_ERROR);
      await answerWhole(connection, streamId, response);
    },
    verify: (connections) => assert.equal(connections.length, 2, "each of the two calls has a connection of its own"),
  },
  rst_after_header: { answer: async (connection, streamId) => beginAndReset(connection, streamId, Buffer.alloc(0)) },
  rst_during_data: {
    answer: async (connection, streamId, response) =>
      beginAndReset(connection, streamId, response.subarray(0, response.length / 2)),
  },
  rst_after_data: { answer: beginAndReset },
  ping: {
    answer: async (connection, streamId, response) => {
      ping(connection);
      connection.headers(streamId, RESPONSE_FIELDS);
      ping(connection);
      await connection.body(streamId, response);
      ping(connection);
      await connection.until("the acknowledgement of every PING", () =>
        acks(connection).length === 3 ? true : undefined,
      );
      connection.headers(streamId, OK_TRAILERS, { endStream: true });
    },
    verify: ([connection]) => {
      assert.ok(connection);
      assert.deepEqual(acks(connection), ["0", "1", "2"], "every PING is acknowledged, with the bytes it had");
    },
  },
  max_streams: {
    greet: (connection) => connection.settings({ [Setting.MAX_CONCURRENT_STREAMS]: 1 }),
    answer: answerWhole,
    verify: (connections) => {
      for (const { frames } of connections) assert.equal(mostAtOnce(frames), 1, "there is one stream at a time");
    },
  },
  data_frame_padding: {
    answer: (connection, streamId, response) =>
      answerWhole(connection, streamId, response, { frameBytes: FRAME_BYTES, padding: PADDING }),
  },
  no_df_padding_sanity_test: {
    answer: (connection, streamId, response) =>
      answerWhole(connection, streamId, response, { frameBytes: FRAME_BYTES }),
  },
};

async function answerWhole(
  connection: ServerPeer,
  streamId: number,
  response: Uint8Array,
  options: { readonly frameBytes?: number; readonly padding?: number } = {},
): Promise<void> {
  connection.headers(streamId, RESPONSE_FIELDS);
  await connection.body(streamId, response, options);
  connection.headers(streamId, OK_TRAILERS, { endStream: true });
}

async function beginAndReset(connection: ServerPeer, streamId: number, bytes: Uint8Array): Promise<void> {
  connection.headers(streamId, RESPONSE_FIELDS);
  await connection.body(streamId, bytes);
  connection.reset(streamId, NO_ERROR);
}

/** A PING whose eight bytes are its number. */
function ping(connection: ServerPeer): void {
  const number = pings.get(connection) ?? 0;
  pings.set(connection, number + 1);
  connection.send(FrameType.PING, 0, 0, Buffer.alloc(8, String(number)));
}

const pings = new WeakMap<ServerPeer, number>();

/** The numbers of the PINGs that were acknowledged, in order. */
function acks({ frames }: ServerPeer): string[] {
  return frames
    .filter(({ name, flags }) => name === "PING" && (flags & Flag.ACK) !== 0)
    .map(({ payload }) => payload.toString("latin1", 0, 1));
}

/** How many requests were on their way at the same time: a stream is free again when its successor may begin. */
function mostAtOnce(frames: readonly Frame[]): number {
  let open = 0;
  let most = 0;
  for (const { name, endStream } of frames) {
    if (name === "HEADERS") most = Math.max(most, ++open);
    if (endStream) open--;
  }
  return most;
}

/** A server that misbehaves in one way, until it is closed. */
export interface Http2Server {
  readonly port: number;
  /** @throws AssertionError when the client did not do what it should have done. */
  verify(): void;
  close(): Promise<void>;
}

export async function startHttp2Server(name: string, port = 0): Promise<Http2Server> {
  const behaviour = Object.hasOwn(BEHAVIOURS, name) ? BEHAVIOURS[name] : undefined;
  if (behaviour === undefined) {
    throw new Error(`there is no test case ${JSON.stringify(name)}; there are ${Object.keys(BEHAVIOURS).join(", ")}`);
  }
  const server = await RawServer.listen({}, undefined, port);
  const failures: unknown[] = [];
  server.hear = (connection) => {
    behaviour.greet?.(connection);
    connection.hear = ({ name, streamId }) => {
      if (name === "HEADERS")
        void serveOne(behaviour, connection, streamId).catch((error: unknown) => failures.push(error));
    };
  };
  return {
    port: server.port,
    verify: () => {
      assert.deepEqual(failures, []);
      behaviour.verify?.(server.connections);
    },
    close: () => server.close(),
  };
}

async function serveOne(behaviour: Behaviour, connection: ServerPeer, streamId: number): Promise<void> {
  const request: Reply = await connection.reply(streamId);
  const { responseSize } = SimpleRequestType.decode(request.data.subarray(PREFIX_BYTES));
  const response = SimpleResponseType.encode({ payload: zeros(responseSize) });
  await behaviour.answer(connection, streamId, prefixed(response));
}

async function main(args: readonly string[]): Promise<void> {
  const flags = parseFlags(args, ["port", "test_case"]);
  const server = await startHttp2Server(wantedFlag(flags, "test_case"), numberFlag(flags, "port", 10_000));
  process.stdout.write(`listening on 127.0.0.1:${server.port}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      void server.close();
      server.verify();
    });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
