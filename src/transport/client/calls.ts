/**
 * Calls as users see them: what the functions of a client take and return, by the kind of their method.
 *
 * Laws: types only; an object is a promise only where one message comes back and nothing is left to send.
 */
import type { Metadata } from "../../codec/metadata.js";
import type { DynamicMessage, Method, MethodKind, Service } from "../../codec/method.js";
import type { Status } from "../../codec/status.js";
import type { AttemptFacts } from "./attempts/attempt-facts.js";
import type { CallOptions } from "./call-options.js";

/** What every call tells. The promises never reject, and are made when they are first asked for. */
export interface CallFacts {
  /** The metadata that came before the messages; empty when the call ended without. */
  readonly headers: Promise<Metadata>;
  /** The metadata that came with the status. */
  readonly trailers: Promise<Metadata>;
  /** How the call ended; known once the last message has been taken. */
  readonly status: Promise<Status>;
  /** Whether the response given out last came compressed. */
  readonly responseCompressed: boolean;
  /** What is known of how often the call was sent, and where: one entry for each attempt, made when it is asked for. */
  readonly attempts: readonly AttemptFacts[];
  /** Cancels the call: CANCELLED here, RST_STREAM(CANCEL) to the server. Does nothing once the call has ended. */
  cancel(): void;
}

/** A call with one response and nothing left to send: a promise of that response. */
export interface UnaryCall<Res> extends Promise<Res>, CallFacts {}

/** A call with many responses: iterate it once, or `receive` one by one. Leaving the loop cancels. */
export interface ServerStreamingCall<Res> extends AsyncIterable<Res>, CallFacts {
  /** The next message, or `undefined` after the last. @throws StatusError when the call failed. */
  receive(): Promise<Res | undefined>;
}

/** What one `send` can be told. */
export interface SendOptions {
  /**
   * Whether this message is compressed, in a call that has a coding: `false` sends it plain, `true` compresses it even if it is
   * shorter than `compression.minBytes`. An empty one always stays plain.
   */
  readonly compress?: boolean | undefined;
}

/** The sending side of a call whose requests are sent by hand. */
export interface RequestSender<ReqInit> {
  /**
   * Sends a message. It is encoded before this returns; the promise, if there is one, says when there is room for more.
   *
   * @throws TypeError when the message cannot be encoded (the call stays usable), Error after `closeSend`.
   */
  send(message: ReqInit, options?: SendOptions): Promise<void> | undefined;
  /** Says that no more requests come. */
  closeSend(): void;
}

/** A client-streaming call whose requests are sent by hand. */
export interface ClientStreamingCall<ReqInit, Res> extends RequestSender<ReqInit>, CallFacts {
  /** Says that no more requests come, and waits for the response. @throws StatusError when the call failed. */
  finish(): Promise<Res>;
}

/** A bidirectional call. `send` and `closeSend` are for calls started without an iterable of requests. */
export interface BidiStreamingCall<ReqInit, Res> extends ServerStreamingCall<Res>, RequestSender<ReqInit> {}

/** Many messages: whatever can be iterated. */
export type Requests<T> = Iterable<T> | AsyncIterable<T>;

interface ClientMethodOfKind<ReqInit, Res> {
  unary: (request: ReqInit, options?: CallOptions) => UnaryCall<Res>;
  serverStreaming: (request: ReqInit, options?: CallOptions) => ServerStreamingCall<Res>;
  clientStreaming: {
    (requests: Requests<ReqInit>, options?: CallOptions): UnaryCall<Res>;
    (options?: CallOptions): ClientStreamingCall<ReqInit, Res>;
  };
  bidiStreaming: {
    (requests: Requests<ReqInit>, options?: CallOptions): BidiStreamingCall<ReqInit, Res>;
    (options?: CallOptions): BidiStreamingCall<ReqInit, Res>;
  };
}

/** The function that calls a method, by its kind. */
export type ClientMethod<M extends Method> =
  M extends Method<infer Kind, infer _Req, infer ReqInit, infer Res, infer _ResInit>
    ? MethodKind extends Kind
      ? (input?: unknown, options?: CallOptions) => DynamicCall
      : ClientMethodOfKind<ReqInit, Res>[Kind]
    : never;

/**
 * A call of a method that is known at run time only, from `loadProto`. It has what its kind has, which its caller knows, and not
 * the rest.
 */
export type DynamicCall = UnaryCall<DynamicMessage> &
  ClientStreamingCall<DynamicMessage, DynamicMessage> &
  BidiStreamingCall<DynamicMessage, DynamicMessage>;

/** The methods of a service as functions. */
export type Client<S extends Service> = {
  readonly [Name in keyof S["methods"]]: ClientMethod<S["methods"][Name]>;
};
