/**
 * The six ways a call can be made and the one implementation behind them, so that one list of cases runs for every kind.
 */
import {
  type CallFacts,
  type CallOptions,
  type Client,
  Code,
  type HandlerCall,
  type Implementation,
  type Metadata,
  type MethodKind,
  type Status,
  StatusError,
} from "../../src/index.js";
import type { EchoMessage, EchoMessageInit, EchoService } from "./echo-service.js";

export type EchoRequests = Iterable<EchoMessageInit> | AsyncIterable<EchoMessageInit>;

/** A call that is under way: `collect` puts the messages into a list as they come, and rejects when the call fails. */
export interface StartedEcho {
  readonly facts: CallFacts;
  collect(into: EchoMessage[]): Promise<void>;
}

/** One way to make a call. */
export interface EchoWay {
  readonly name: string;
  readonly kind: MethodKind;
  readonly manyRequests: boolean;
  readonly manyResponses: boolean;
  start(client: Client<EchoService>, requests: EchoRequests, options?: CallOptions): StartedEcho;
}

export const ECHO_WAYS: readonly EchoWay[] = [
  {
    name: "unary",
    kind: "unary",
    manyRequests: false,
    manyResponses: false,
    start(client, requests, options) {
      const call = client.unary(firstOf(requests), options);
      return { facts: call, collect: async (into) => void into.push(await call) };
    },
  },
  {
    name: "server streaming",
    kind: "serverStreaming",
    manyRequests: false,
    manyResponses: true,
    start(client, requests, options) {
      const call = client.serverStreaming(firstOf(requests), options);
      return { facts: call, collect: (into) => collectLoop(call, into) };
    },
  },
  {
    name: "client streaming",
    kind: "clientStreaming",
    manyRequests: true,
    manyResponses: false,
    start(client, requests, options) {
      const call = client.clientStreaming(requests, options);
      return { facts: call, collect: async (into) => void into.push(await call) };
    },
  },
  {
    name: "client streaming by hand",
    kind: "clientStreaming",
    manyRequests: true,
    manyResponses: false,
    start(client, requests, options) {
      const call = client.clientStreaming(options);
      const sent = sendByHand(requests, (message) => call.send(message), call.status);
      return {
        facts: call,
        async collect(into) {
          await sent;
          into.push(await call.finish());
        },
      };
    },
  },
  {
    name: "bidi streaming",
    kind: "bidiStreaming",
    manyRequests: true,
    manyResponses: true,
    start(client, requests, options) {
      const call = client.bidiStreaming(requests, options);
      return { facts: call, collect: (into) => collectLoop(call, into) };
    },
  },
  {
    name: "bidi streaming by hand",
    kind: "bidiStreaming",
    manyRequests: true,
    manyResponses: true,
    start(client, requests, options) {
      const call = client.bidiStreaming(options);
      const sent = sendByHand(requests, (message) => call.send(message), call.status).then(() => call.closeSend());
      return {
        facts: call,
        async collect(into) {
          for (let message = await call.receive(); message !== undefined; message = await call.receive()) {
            into.push(message);
          }
          await sent;
        },
      };
    },
  },
];

async function collectLoop(messages: AsyncIterable<EchoMessage>, into: EchoMessage[]): Promise<void> {
  for await (const message of messages) into.push(message);
}

/** Sends until the requests or the call have ended. */
async function sendByHand(
  requests: EchoRequests,
  send: (message: EchoMessageInit) => Promise<void> | undefined,
  status: Promise<Status>,
): Promise<void> {
  let over = false;
  const ended = status.then(() => {
    over = true;
    return { done: true, value: undefined } as const;
  });
  const iterator = Symbol.iterator in requests ? requests[Symbol.iterator]() : requests[Symbol.asyncIterator]();
  for (;;) {
    const step = await Promise.race([iterator.next(), ended]);
    if (step.done === true || over) return;
    const room = send(step.value);
    if (room !== undefined) await room;
  }
}

function firstOf(requests: EchoRequests): EchoMessageInit {
  if (Symbol.iterator in requests) for (const request of requests) return request;
  return {};
}

/** How a call ended. */
export interface EchoOutcome {
  readonly messages: EchoMessage[];
  readonly error: unknown;
  readonly headers: Metadata;
  readonly trailers: Metadata;
  readonly status: Status;
}

/** Waits for a call's end, however it ends. */
export async function outcomeOf({ facts, collect }: StartedEcho): Promise<EchoOutcome> {
  const messages: EchoMessage[] = [];
  let error: unknown;
  try {
    await collect(messages);
  } catch (thrown) {
    error = thrown;
  }
  const [headers, trailers, status] = await Promise.all([facts.headers, facts.trailers, facts.status]);
  return { messages, error, headers, trailers, status };
}

/** What answers a call of any kind: messages in, messages out. For one response it yields one. */
export type EchoBehaviour = (
  requests: AsyncIterable<EchoMessage>,
  call: HandlerCall,
) => AsyncIterable<EchoMessageInit> | Iterable<EchoMessageInit>;

/** Answers every kind with one behaviour. */
export function behaveAs(behaviour: EchoBehaviour): Implementation<EchoService> {
  return {
    unary: (request, call) => onlyOne(behaviour(one(request), call)),
    serverStreaming: (request, call) => behaviour(one(request), call),
    clientStreaming: (requests, call) => onlyOne(behaviour(requests, call)),
    bidiStreaming: (requests, call) => behaviour(requests, call),
  };
}

/** Sends every request back. */
export async function* echo(requests: AsyncIterable<EchoMessage>): AsyncGenerator<EchoMessageInit> {
  for await (const request of requests) yield request;
}

/** Runs the behaviour to its end, so that what it throws after its message counts, too. */
async function onlyOne(messages: AsyncIterable<EchoMessageInit> | Iterable<EchoMessageInit>): Promise<EchoMessageInit> {
  let last: EchoMessageInit | undefined;
  for await (const message of messages) last = message;
  if (last === undefined) throw new StatusError(Code.INTERNAL, "the behaviour under test yielded no message");
  return last;
}

async function* one(request: EchoMessage): AsyncGenerator<EchoMessage> {
  yield request;
}

/** A promise with its resolve function: what a test waits on and a handler fires, or the other way round. */
export interface Gate<T = void> {
  readonly opened: Promise<T>;
  open(value: T): void;
}

export function gate<T = void>(): Gate<T> {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}

/** Resolves when the signal is aborted, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}

/** Requests that are never complete: those given, then nothing for ever. */
export async function* openRequests(...messages: EchoMessageInit[]): AsyncGenerator<EchoMessageInit> {
  yield* messages;
  await new Promise(() => undefined);
}

/** `length` bytes that are not all the same. */
export function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = index * 31 + (index >>> 8);
  return bytes;
}
