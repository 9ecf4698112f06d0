/**
 * A service for tests on the wire, whose messages are bytes that mean nothing, and the words of gRPC as bytes.
 *
 * Spec: PROTOCOL-HTTP2.md, "Requests", "Length-Prefixed-Message".
 */
import type { MessageType, Method } from "../../src/core.js";
import type { Field } from "./http2-hpack.js";
import { field, type Frame, type Peer } from "./peer.js";

/** A message is its bytes. */
export const Bytes: MessageType<Uint8Array> = Object.freeze({
  typeName: "wire.Bytes",
  encode: (message: Uint8Array) => message,
  decode: (bytes: Uint8Array) => new Uint8Array(bytes),
});

type BytesMethod<Kind extends Method["kind"]> = Method<Kind, Uint8Array, Uint8Array, Uint8Array, Uint8Array>;

function method<const Kind extends Method["kind"]>(kind: Kind, name: string): BytesMethod<Kind> {
  const localName = name.charAt(0).toLowerCase() + name.slice(1);
  return { kind, name, localName, path: `/wire.Wire/${name}`, request: Bytes, response: Bytes };
}

/** One method of each kind, and one more that is there to ask whether all is well. */
export const Wire = Object.freeze({
  typeName: "wire.Wire",
  methods: {
    unary: method("unary", "Unary"),
    serverStreaming: method("serverStreaming", "ServerStreaming"),
    clientStreaming: method("clientStreaming", "ClientStreaming"),
    bidiStreaming: method("bidiStreaming", "BidiStreaming"),
    wellbeing: method("unary", "Wellbeing"),
  },
});

/** The fields of a request for `path`, as a well-behaved client writes them, with `extra` behind. */
export function requestFields(path: string, extra: readonly Field[] = []): Field[] {
  return [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "wire.test"],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ...extra,
  ];
}

/** The same fields with one replaced, or left out for `undefined`. */
export function withField(fields: readonly Field[], name: string, value: string | undefined): Field[] {
  return fields.flatMap((one): Field[] => (one[0] !== name ? [one] : value === undefined ? [] : [[name, value]]));
}

/** What a well-behaved server answers first. */
export const RESPONSE_FIELDS: readonly Field[] = [
  [":status", "200"],
  ["content-type", "application/grpc"],
];

export const OK_TRAILERS: readonly Field[] = [["grpc-status", "0"]];

/** A message with its prefix. */
export function prefixed(payload: Uint8Array | string, flag = 0): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;
  return Buffer.concat([prefix(bytes.length, flag), bytes]);
}

/** A prefix alone, which may declare anything. */
export function prefix(length: number, flag = 0): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** The payloads of the messages in `data`, as latin1 text. @throws Error when the last one is not whole. */
export function messagesIn(data: Buffer): string[] {
  const messages: string[] = [];
  let at = 0;
  while (at < data.length) {
    const end = at + 5 + data.readUInt32BE(at + 1);
    if (end > data.length) throw new Error(`a message of ${end - at} bytes ends after ${data.length - at}`);
    messages.push(data.toString("latin1", at + 5, end));
    at = end;
  }
  return messages;
}

/** What a frame's fields say under `name`. */
export function said(frame: Frame, name: string): string | undefined {
  return field(frame.fields, name);
}

/** How many bytes `peer` was allowed on its connection, beyond those that every connection begins with. */
export function granted(peer: Peer): number {
  return peer.frames
    .filter(({ name, streamId }) => name === "WINDOW_UPDATE" && streamId === 0)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
}
