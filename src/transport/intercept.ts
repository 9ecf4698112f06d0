/**
 * Interceptors: functions around every call, of the same type on the client and on the server.
 *
 * Spec: gRFC L5 (client interceptors), L112 (server interceptors), A54 (their statuses are not restricted).
 * Laws: `next` runs at most once; an interceptor that does not touch `messages` costs nothing per message; what one throws is
 * never swallowed; without interceptors nothing here runs.
 */
import { Metadata } from "../codec/metadata.js";
import type { Method } from "../codec/method.js";
import type { Status, StatusError } from "../codec/status.js";
import type { Peer } from "./call.js";

/**
 * One RPC in flight, as interceptors see it. It is the same object for all of them and, on the server, for the handler: a `WeakMap`
 * with the call as its key carries what one of them found out to the others.
 */
export interface Call<Req = unknown> {
  /** Which side this is. */
  readonly side: "client" | "server";
  readonly method: Method;
  /** What the client says besides messages. May be changed until `next` is called. */
  readonly metadata: Metadata;
  /** When the client stops waiting; `undefined` for never. */
  readonly deadline: Date | undefined;
  /** Aborted when the call is cancelled or its time is up, with a `StatusError` as the reason. Made when it is first read. */
  readonly signal: AbortSignal;
  /** Who is at the other end. On the client it is known once `next` has settled, if any server took part. */
  readonly peer: Peer | undefined;
  /** The requests, one for unary and server-streaming methods. To be iterated once, by whoever replaces them. */
  readonly messages: AsyncIterable<Req>;
  /**
   * Hears once how the call ended as a whole, after all interceptors, in whatever way it does. Touches no message: this is for
   * logs, counters and times. What it throws goes to `onError`.
   */
  onEnd(listener: (end: CallEnd) => void): void;
}

/** How a call ended. */
export interface CallEnd {
  /** The status that the client's application, or the client, is given. */
  readonly status: Status;
  /** What made the status, unless it is OK. */
  readonly error: StatusError | undefined;
  /** The metadata beside the status. */
  readonly trailers: Metadata;
  /** From the first interceptor's start, in milliseconds. */
  readonly durationMs: number;
  /** Messages that this side sent. */
  readonly sent: number;
  /** Messages that this side received. */
  readonly received: number;
}

/**
 * What comes back. Headers may be changed until the reply is returned; trailers of a client's call are empty until its messages
 * have been read, those of a server's call may be changed until then.
 */
export interface Reply<Res = unknown> {
  readonly headers: Metadata;
  /** The responses, one for unary and client-streaming methods; they throw the `StatusError` when the call fails after its headers. */
  readonly messages: AsyncIterable<Res>;
  readonly trailers: Metadata;
}

/** What an interceptor passes on in place of what it was given. What is left out stays. */
export interface CallChanges<Req = unknown> {
  readonly metadata?: Metadata | undefined;
  /** On the server only an earlier one counts: the client does not wait longer. */
  readonly deadline?: Date | undefined;
  /** Cancels the call as well, in addition to what does so already. */
  readonly signal?: AbortSignal | undefined;
  readonly messages?: AsyncIterable<Req> | undefined;
}

/**
 * Goes on with the call: to the next interceptor, and behind the last to the network or to the handler. `next()` and `next(call)`
 * pass everything on as it is, `next({ ...call, deadline })` or `next({ deadline })` all but the deadline.
 *
 * Settles with the response's headers (for unary methods: with the response) or, on the server, when the handler has returned.
 * Rejects when the call ends before that. A second time it only rejects: to try again is for the retry policy.
 */
export type Next<Req = unknown, Res = unknown> = (changes?: CallChanges<Req>) => Promise<Reply<Res>>;

/** A function around every call. What it throws is the end of the call: a `StatusError` as its status. */
export type Interceptor<Req = unknown, Res = unknown> = (call: Call<Req>, next: Next<Req, Res>) => Promise<Reply<Res>>;

/** Something an interceptor can be run around. */
export interface Interceptable extends Call {
  /** Takes what an interceptor passes on. */
  adopt(changes: CallChanges): void;
}

/** Runs a call through `interceptors`, and behind the last of them `last`. */
export function callThrough(
  interceptors: readonly Interceptor[],
  call: Interceptable,
  last: () => Promise<Reply>,
): Promise<Reply> {
  return step({ interceptors, call, last, guarded: undefined }, 0);
}

/** One call on its way through its interceptors. */
interface Chain {
  readonly interceptors: readonly Interceptor[];
  readonly call: Interceptable;
  readonly last: () => Promise<Reply>;
  /** The reply whose failure is not an unhandled rejection, should nobody await it. Those who pass it on return the same one. */
  guarded: Promise<Reply> | undefined;
}

function step(chain: Chain, index: number): Promise<Reply> {
  const { call } = chain;
  const interceptor = chain.interceptors[index];
  if (interceptor === undefined) return chain.last();
  let ran = false;
  const next: Next = (changes) => {
    if (ran) return Promise.reject(new Error(`Cannot run next() twice for one call to ${call.method.path}`));
    ran = true;
    if (changes !== undefined && changes !== call) {
      try {
        call.adopt(checkChanges(changes));
      } catch (error) {
        return rejected(error);
      }
    }
    const reply = step(chain, index + 1);
    if (reply !== chain.guarded) {
      chain.guarded = reply;
      reply.catch(ignore);
    }
    return reply;
  };
  try {
    // What is no promise, and what only looks like one, is taken as it is.
    return Promise.resolve(interceptor(call, next));
  } catch (error) {
    return rejected(error);
  }
}

/** @throws TypeError for something that a call cannot have. */
function checkChanges(changes: CallChanges): CallChanges {
  const { metadata, deadline, signal, messages } = changes;
  if (metadata !== undefined && !(metadata instanceof Metadata)) throw wrongChange("metadata", "Metadata", metadata);
  if (deadline !== undefined && !(deadline instanceof Date && !Number.isNaN(deadline.getTime()))) {
    throw wrongChange("deadline", "a valid Date", deadline);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrongChange("signal", "an AbortSignal", signal);
  if (messages !== undefined && typeof messages[Symbol.asyncIterator] !== "function") {
    throw wrongChange("messages", "an async iterable", messages);
  }
  return changes;
}

function wrongChange(name: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`Cannot run next() as ${name} must be ${wanted}: current value is ${typeof value}`);
}

/** @throws TypeError when what an interceptor returned is no reply. */
export function checkReply(reply: unknown, method: Method): asserts reply is Reply {
  const { headers, messages, trailers } = (reply ?? {}) as Partial<Reply>;
  if (headers !== undefined && messages !== undefined && trailers !== undefined) return;
  const shown = reply === null ? "null" : typeof reply;
  throw new TypeError(
    `Cannot answer ${method.path} as an interceptor must return a reply, { headers, messages, trailers }: it returned ${shown}`,
  );
}

/** @throws TypeError when the option is given and is no list of functions. */
export function interceptorsFrom(option: unknown): readonly Interceptor[] {
  if (option === undefined) return NONE;
  if (Array.isArray(option) && option.every((one) => typeof one === "function")) return [...(option as Interceptor[])];
  throw new TypeError(
    `Cannot use option interceptors as it must be an array of functions: current value is ${
      Array.isArray(option) ? "an array with something else in it" : typeof option
    }`,
  );
}

const NONE: readonly Interceptor[] = Object.freeze([]);

/** What one method's requests and responses may be. */
type RequestOf<M extends Method> = M extends Method<infer _K, infer _Q, infer ReqInit> ? ReqInit : never;
type ResponseOf<M extends Method> =
  M extends Method<infer _K, infer _Q, infer _QI, infer _S, infer ResInit> ? ResInit : never;

/**
 * An interceptor for one method alone, whose messages have their types: what may be sent, as that is what a client's application or
 * a handler gave.
 */
export function interceptMethod<M extends Method>(
  method: M,
  interceptor: Interceptor<RequestOf<M>, ResponseOf<M>>,
): Interceptor {
  const typed = interceptor as unknown as Interceptor;
  return (call, next) => (call.method.path === method.path ? typed(call, next) : next());
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}

function ignore(): void {}
