/**
 * Descriptors: what a Method, a Service and a message type are, at run time and to the type checker.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests" (Path); protobuf service definitions.
 * Laws: the same descriptor serves both sides, whether generated or loaded; handler and client types follow from it.
 */
import type { DescriptorSource } from "./file-descriptor.js";
import type { WireReader, WireWriter } from "./proto/wire.js";

/** The four kinds of RPC: one or many messages in each direction. */
export type MethodKind = "unary" | "serverStreaming" | "clientStreaming" | "bidiStreaming";

/**
 * Turns the values of one message type into bytes and back. `Init` is what may be given, `T` what is received.
 * `encode` and `decode` are enough for a codec of one's own; the runtime uses the two fast forms where they exist.
 */
export interface MessageType<T = unknown, Init = T> {
  /** The full name, such as `"routeguide.Point"`. */
  readonly typeName: string;
  /** @throws TypeError naming the field's path when a value is of the wrong type. */
  encode(message: Init): Uint8Array;
  /** The bytes are not kept. @throws Error when they are not such a message. */
  decode(bytes: Uint8Array): T;
  /** Writes `message` at the writer's position. */
  encodeInto?(message: Init, writer: WireWriter): void;
  /** Reads a message that ends at `end`; `valuesLeft` bounds its sub-messages, strings and bytes values. */
  decodeFrom?(reader: WireReader, end: number, valuesLeft: number): T;
}

/** A message of a type that is known at run time only: its fields by their names. */
export type DynamicMessage = Record<string, unknown>;

/** The descriptor of one RPC. */
export interface Method<
  Kind extends MethodKind = MethodKind,
  Req = unknown,
  ReqInit = Req,
  Res = unknown,
  ResInit = Res,
> {
  readonly kind: Kind;
  /** As the `.proto` has it, such as `"GetFeature"`. */
  readonly name: string;
  /** The name of the property on handlers and clients, by `localMethodName`. */
  readonly localName: string;
  /** What stands in `:path`, such as `"/routeguide.RouteGuide/GetFeature"`. */
  readonly path: string;
  readonly request: MessageType<Req, ReqInit>;
  readonly response: MessageType<Res, ResInit>;
}

/**
 * Names that a property of clients and handlers must not have: every object has them already (a class cannot even have another
 * `constructor`), and an object with a `then` is taken for a promise by `await`.
 */
const TAKEN: ReadonlySet<string> = new Set([...Object.getOwnPropertyNames(Object.prototype), "then"]);

/** `"GetFeature"` → `"getFeature"`: a lower-case first letter, and `_` behind `constructor`, `then`, `toString` and their like. */
export function localMethodName(name: string): string {
  const local = name.charAt(0).toLowerCase() + name.slice(1);
  return TAKEN.has(local) ? `${local}_` : local;
}

/** The methods of a service by their local names. */
export type Methods = Readonly<Record<string, Method>>;

/** The descriptor of a service. */
export interface Service<M extends Methods = Methods> {
  /** The full name, such as `"routeguide.RouteGuide"`. */
  readonly typeName: string;
  readonly methods: M;
  /**
   * What it is declared in, for reflection. Services of generated code and of `loadProto` have it; without it a service can be
   * called, and is listed, but cannot be described.
   */
  readonly schema?: DescriptorSource | undefined;
}

/** @throws TypeError when `value` is not a service's descriptor; `doing` says what could not be done. */
export function checkService(value: unknown, doing: string): void {
  const { typeName, methods } = (value ?? {}) as Partial<Service>;
  if (typeof typeName === "string" && typeof methods === "object" && methods !== null) return;
  throw new TypeError(
    `Cannot ${doing} as it must be a service: take one from generated code, or from a schema with schema.service("pkg.Name")`,
  );
}

/** Whether a kind sends one request message only. */
export function sendsOneRequest(kind: MethodKind): boolean {
  return kind === "unary" || kind === "serverStreaming";
}

/** Whether a kind answers with one response message only. */
export function sendsOneResponse(kind: MethodKind): boolean {
  return kind === "unary" || kind === "clientStreaming";
}
