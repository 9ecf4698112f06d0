/**
 * A channel under test with a server that misbehaves, for the length of one test; whatever it did, the next call must work.
 */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import {
  Channel,
  Code,
  StatusError,
  type CallFacts,
  type CallOptions,
  type ChannelOptions,
  type Client,
  type Status,
} from "../../src/core.js";
import { RawServer, type Frame, type PeerOptions, type ServerPeer } from "./peer.js";
import { messagesIn, OK_TRAILERS, prefixed, RESPONSE_FIELDS, said, Wire } from "./peer-service.js";

const WELLBEING = "/wire.Wire/Wellbeing";

export interface Scripted {
  readonly server: RawServer;
  readonly channel: Channel;
  readonly client: Client<typeof Wire>;
  /** What the channel's `onError` was given. */
  readonly errors: readonly unknown[];
}

export interface ScriptedOptions {
  readonly channel?: ChannelOptions;
  readonly peer?: PeerOptions;
  /** `false` for a script that ends with a server which answers nothing. */
  readonly nextCallWorks?: boolean;
}

/** Runs `use` with a channel to a server of ours. Afterwards a call on the same channel must be answered. */
export async function scripted(
  use: (scripted: Scripted) => Promise<void>,
  options: ScriptedOptions = {},
): Promise<void> {
  const errors: unknown[] = [];
  const server = await RawServer.listen(options.peer);
  server.hear = answerWellbeing;
  const channel = new Channel(`127.0.0.1:${server.port}`, {
    onError: (error) => errors.push(error),
    ...options.channel,
  });
  const client = channel.client(Wire);
  try {
    await use({ server, channel, client, errors });
    if (options.nextCallWorks !== false) {
      const answer = await client.wellbeing(Buffer.from("well"), { timeoutMs: 5000, waitForReady: true });
      assert.equal(Buffer.from(answer).toString(), "well", "the next call works");
    }
  } finally {
    const destroyed = channel.destroy();
    await server.close();
    await destroyed;
  }
}

function answerWellbeing(connection: ServerPeer): void {
  connection.hear = ({ streamId, endStream }: Frame) => {
    if (!endStream) return;
    const [head] = connection.on(streamId);
    if (head !== undefined && said(head, ":path") === WELLBEING) answer(connection, streamId, ["well"]);
  };
}

/** Writes a whole OK answer. */
export function answer(connection: ServerPeer, streamId: number, messages: readonly string[]): void {
  connection.headers(streamId, RESPONSE_FIELDS);
  for (const message of messages) connection.data(streamId, prefixed(message));
  connection.headers(streamId, OK_TRAILERS, { endStream: true });
}

/** The next request on a connection, once it is complete: its stream and its messages. */
export async function completeRequest(connection: ServerPeer): Promise<{ streamId: number; messages: string[] }> {
  const { streamId } = await connection.request();
  const { data } = await connection.reply(streamId);
  return { streamId, messages: messagesIn(data) };
}

export const KINDS = ["unary", "serverStreaming", "clientStreaming", "bidiStreaming"] as const;
export type Kind = (typeof KINDS)[number];
/** The kinds that take one response. */
export const ONE_RESPONSE: readonly Kind[] = ["unary", "clientStreaming"];
/** The kinds that take many. */
export const MANY_RESPONSES: readonly Kind[] = ["serverStreaming", "bidiStreaming"];

type AnyCall = CallFacts & (PromiseLike<Uint8Array> | AsyncIterable<Uint8Array>);

/** Starts a call with one request, `"hello"`, and the half-close. */
export function begin(client: Client<typeof Wire>, kind: Kind, options?: CallOptions): AnyCall {
  const hello = Buffer.from("hello");
  if (kind === "unary" || kind === "serverStreaming") return client[kind](hello, options);
  return client[kind]([hello], options);
}

/** How a call ended. */
export interface Outcome {
  readonly code: Code;
  /** The text of the status. */
  readonly message: string;
  /** The messages that were given out, as text. */
  readonly messages: readonly string[];
  readonly error: StatusError | undefined;
}

/** Takes everything a call gives. Its error and its `status` must say the same. */
export async function outcome(call: AnyCall): Promise<Outcome> {
  const messages: string[] = [];
  let error: unknown;
  try {
    if (Symbol.asyncIterator in call) {
      for await (const message of call) messages.push(Buffer.from(message).toString("latin1"));
    } else {
      messages.push(Buffer.from(await call).toString("latin1"));
    }
  } catch (thrown) {
    error = thrown;
  }
  const status: Status = await call.status;
  if (error === undefined) {
    assert.equal(status.code, Code.OK);
  } else {
    assert.ok(error instanceof StatusError, inspect(error));
    assert.deepEqual([error.code, error.rawMessage], [status.code, status.message]);
  }
  return { code: status.code, message: status.message, messages, error };
}
