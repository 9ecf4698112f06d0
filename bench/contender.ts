/**
 * What a library must bring to be measured: a server of the contract, and a client of it in its own best style.
 */
import type { Payload } from "./contract.js";

/** How a server is to be. */
export interface ServeOptions {
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Streams a connection may have open. */
  readonly maxConcurrentStreams: number;
}

/** How a client is to be: one connection of its own. */
export interface ConnectOptions {
  readonly port: number;
  /** The authority that signed the server's certificate, PEM. */
  readonly ca?: string | undefined;
  /** Requests are sent in gzip. Responses are plain: grpc-js knows no other. */
  readonly gzip?: boolean | undefined;
}

/** A client. Each method makes one call, checks what came of it, and rejects when it failed. */
export interface Driver {
  echo(message: Payload): Promise<unknown>;
  /** Takes `count` messages from one stream. */
  download(message: Payload, count: number): Promise<void>;
  /** Sends `count` messages in one stream. */
  upload(message: Payload, count: number): Promise<void>;
  /** Sends `count` messages in one stream, as fast as there is room, and takes as many. */
  exchange(message: Payload, count: number): Promise<void>;
  /** Sends `count` messages in one stream, each when the answer to the one before has come. */
  pingPong(message: Payload, count: number): Promise<void>;
  /** Opens a bidi stream, has one message answered, and leaves it open. */
  idle(message: Payload): Promise<void>;
}

/** A library. */
export interface Contender {
  /** Gives the port. */
  serve(options: ServeOptions): Promise<number>;
  connect(options: ConnectOptions): Driver;
}

/** The windows of a call and a connection by barewire's defaults; the floor has the same, the peers have their own. */
export const STREAM_WINDOW_BYTES = 256 * 1024;
export const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;

/** Calls take as many messages as they were promised. @throws Error */
export function expectCount(received: number, count: number): void {
  if (received !== count) throw new Error(`Cannot measure as ${count} messages were wanted: ${received} came`);
}
