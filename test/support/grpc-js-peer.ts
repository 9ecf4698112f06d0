/**
 * A client and a server made with @grpc/grpc-js, in one form for all four kinds: requests in, messages and status out.
 */
import { once } from "node:events";
import {
  type ChannelOptions,
  Client,
  credentials,
  type CallOptions,
  type ClientDuplexStream,
  type Deadline,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerErrorResponse,
  type sendUnaryData,
  type StatusObject,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { fromJSON, loadSync, type MethodDefinition, type Options, type ServiceDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";

/** What proto-loader makes of a message, and takes for one. */
export type GrpcJsMessage = Record<string, unknown>;
export type GrpcJsRequests = Iterable<GrpcJsMessage> | AsyncIterable<GrpcJsMessage>;
type GrpcJsMethod = MethodDefinition<object, object>;

const OPTIONS: Options = { longs: String, enums: Number, defaults: true, oneofs: true };

/** The service of a `.proto` file, as proto-loader reads it. */
export function grpcJsServiceOfFile(path: string, name: string, options: Options = OPTIONS): ServiceDefinition {
  return loadSync(path, options)[name] as ServiceDefinition;
}

/** The service in a text without imports, as proto-loader reads it. */
export function grpcJsServiceOfText(text: string, name: string): ServiceDefinition {
  return fromJSON(protobuf.parse(text).root.toJSON(), OPTIONS)[name] as ServiceDefinition;
}

function methodOf(service: ServiceDefinition, name: string): GrpcJsMethod {
  const method = service[name];
  if (method === undefined) throw new Error(`no method ${name} among ${Object.keys(service).join(", ")}`);
  return method;
}

export interface GrpcJsOutcome {
  readonly messages: GrpcJsMessage[];
  readonly headers: Metadata | undefined;
  readonly status: StatusObject;
}

export interface GrpcJsCall {
  /** Never rejects: a failure is in the status. */
  readonly outcome: Promise<GrpcJsOutcome>;
  /** Resolves when the response's headers come, which proves that a handler runs. */
  readonly answered: Promise<unknown>;
  cancel(): void;
}

export interface GrpcJsCallOptions {
  readonly metadata?: Metadata;
  readonly deadline?: Deadline;
  /** Hears of every message as it comes. */
  readonly onMessage?: () => void;
}

/** A client of one service. */
export class GrpcJsClient {
  readonly #service: ServiceDefinition;
  readonly #client: Client;

  constructor(
    service: ServiceDefinition,
    port: number,
    options: Partial<ChannelOptions> = {},
    secure = credentials.createInsecure(),
  ) {
    this.#service = service;
    this.#client = new Client(`127.0.0.1:${port}`, secure, {
      "grpc.max_receive_message_length": 16 * 1024 * 1024,
      // An address is no name for TLS to ask for, and theirs would ask for it.
      "grpc.ssl_target_name_override": "localhost",
      ...options,
    });
  }

  /** Resolves when it is connected. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Infinity, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Starts a call of any kind; `requests` are sent at the pace of the server. */
  start(name: string, requests: GrpcJsRequests, options: GrpcJsCallOptions = {}): GrpcJsCall {
    const method = methodOf(this.#service, name);
    const callOptions: CallOptions = options.deadline === undefined ? {} : { deadline: options.deadline };
    const metadata = options.metadata ?? new Metadata();
    const messages: GrpcJsMessage[] = [];
    const received = (message: GrpcJsMessage): void => {
      messages.push(message);
      options.onMessage?.();
    };
    const request = method.requestStream ? {} : firstOf(requests);
    const call = this.#begin(method, request, metadata, callOptions, received);
    let headers: Metadata | undefined;
    call.on("metadata", (came: Metadata) => (headers = came));
    call.on("error", () => undefined);
    // events.once would reject at 'error', which comes before the status.
    const answered = new Promise((resolve) => call.once("metadata", resolve));
    const ended = new Promise<StatusObject>((resolve) => call.once("status", resolve));
    const read = method.responseStream ? new Promise<void>((resolve) => call.once("end", resolve)) : undefined;
    if (method.responseStream) call.on("data", received);
    if (method.requestStream) void writeAll(call, requests, ended);
    const outcome = ended.then(async (status) => {
      // Rejections of the unary kinds come by callback, in the same turn as the status or the next.
      if (read === undefined) await new Promise((resolve) => setImmediate(resolve));
      else await read;
      return { messages, headers, status };
    });
    return { outcome, answered, cancel: () => call.cancel() };
  }

  #begin(
    method: GrpcJsMethod,
    request: GrpcJsMessage,
    metadata: Metadata,
    options: CallOptions,
    onMessage: (message: GrpcJsMessage) => void,
  ): ClientDuplexStream<GrpcJsMessage, GrpcJsMessage> {
    const { path, requestSerialize: encode, responseDeserialize: decode } = method;
    const callback = (_error: unknown, message?: object): void => {
      if (message !== undefined) onMessage(message as GrpcJsMessage);
    };
    const client = this.#client;
    const call = method.requestStream
      ? method.responseStream
        ? client.makeBidiStreamRequest(path, encode, decode, metadata, options)
        : client.makeClientStreamRequest(path, encode, decode, metadata, options, callback)
      : method.responseStream
        ? client.makeServerStreamRequest(path, encode, decode, request, metadata, options)
        : client.makeUnaryRequest(path, encode, decode, request, metadata, options, callback);
    return call as unknown as ClientDuplexStream<GrpcJsMessage, GrpcJsMessage>;
  }

  /** One call from beginning to end. */
  call(name: string, requests: GrpcJsRequests, options?: GrpcJsCallOptions): Promise<GrpcJsOutcome> {
    return this.start(name, requests, options).outcome;
  }

  close(): void {
    this.#client.close();
  }
}

function firstOf(requests: GrpcJsRequests): GrpcJsMessage {
  if (Symbol.iterator in requests) for (const request of requests) return request;
  return {};
}

async function writeAll(
  call: ClientDuplexStream<GrpcJsMessage, GrpcJsMessage>,
  requests: GrpcJsRequests,
  ended: Promise<unknown>,
): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  for await (const request of requests) {
    if (over) return;
    if (!call.write(request)) {
      let drained: () => void = () => undefined;
      const room = new Promise<void>((resolve) => (drained = resolve));
      call.once("drain", drained);
      await Promise.race([room, ended]);
    }
  }
  if (!over) call.end();
}

/** What a grpc-js handler knows of its call. */
export interface GrpcJsServed {
  readonly metadata: Metadata;
  readonly trailers: Metadata;
  readonly deadline: Deadline;
  sendMetadata(metadata: Metadata): void;
  /** Resolves when the call is cancelled. */
  readonly cancelled: Promise<void>;
}

export type GrpcJsBehaviour = (
  requests: AsyncIterable<GrpcJsMessage>,
  call: GrpcJsServed,
) => AsyncIterable<GrpcJsMessage> | Iterable<GrpcJsMessage>;

/** Throw one in a behaviour to set the status. */
export class GrpcJsError extends Error {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata | undefined;
  constructor(code: number, details: string, metadata?: Metadata) {
    super(details);
    this.code = code;
    this.details = details;
    this.metadata = metadata;
  }
}

export interface GrpcJsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves a service; each method is named as in its `.proto` file. */
export async function serveGrpcJs(
  service: ServiceDefinition,
  behaviours: Readonly<Record<string, GrpcJsBehaviour>>,
  secure = ServerCredentials.createInsecure(),
  port = 0,
): Promise<GrpcJsServer> {
  const server = new Server({ "grpc.max_receive_message_length": 16 * 1024 * 1024 });
  const handlers = Object.entries(behaviours).map(([name, behaviour]) => [
    name,
    handlerOf(methodOf(service, name), behaviour),
  ]);
  server.addService(service, Object.fromEntries(handlers) as Record<string, UntypedHandleCall>);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, secure, (error, at) => (error === null ? resolve(at) : reject(error)));
  });
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.tryShutdown(() => resolve());
        server.forceShutdown();
      }),
  };
}

function handlerOf(method: GrpcJsMethod, behaviour: GrpcJsBehaviour): UntypedHandleCall {
  const run: handleUnaryCall<GrpcJsMessage, GrpcJsMessage> = (unary, callback) => {
    const call = unary as unknown as ServerDuplexStream<GrpcJsMessage, GrpcJsMessage>;
    // The ordinary iterator would destroy both directions at the end of one.
    const requests = method.requestStream
      ? call.iterator({ destroyOnReturn: false })
      : one((unary as { readonly request: GrpcJsMessage }).request);
    const trailers = new Metadata();
    const served: GrpcJsServed = {
      metadata: call.metadata,
      trailers,
      deadline: call.getDeadline(),
      sendMetadata: (metadata) => call.sendMetadata(metadata),
      cancelled: new Promise((resolve) => call.once("cancelled", () => resolve())),
    };
    void answer(method, call, behaviour(requests, served), trailers, callback);
  };
  return run as UntypedHandleCall;
}

async function answer(
  method: GrpcJsMethod,
  call: ServerDuplexStream<GrpcJsMessage, GrpcJsMessage>,
  messages: AsyncIterable<GrpcJsMessage> | Iterable<GrpcJsMessage>,
  trailers: Metadata,
  callback: sendUnaryData<GrpcJsMessage>,
): Promise<void> {
  try {
    let last: GrpcJsMessage = {};
    for await (const message of messages) {
      last = message;
      if (method.responseStream && !call.write(message)) {
        await Promise.race([once(call, "drain"), once(call, "cancelled")]);
      }
      if (call.cancelled) return;
    }
    if (method.responseStream) call.end(trailers);
    else callback(null, last, trailers);
  } catch (error) {
    if (call.cancelled) return;
    if (method.responseStream) call.emit("error", error);
    else callback(error as ServerErrorResponse);
  }
}

async function* one(request: GrpcJsMessage): AsyncGenerator<GrpcJsMessage> {
  yield request;
}

/** Metadata in the form in which tests write and compare it. */
export function grpcJsMetadata(pairs: readonly (readonly [string, string | Uint8Array])[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of pairs) metadata.add(name, typeof value === "string" ? value : Buffer.from(value));
  return metadata;
}
