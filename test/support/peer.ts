/**
 * A scripted HTTP/2 peer on a bare socket: says exactly what a test tells it to, and remembers every frame it was told.
 *
 * Spec: RFC 9113 §3.4 (prefaces), §5.2 (flow control), §6; PROTOCOL-HTTP2.md.
 * Laws: nothing of `node:http2` and nothing of the runtime is used here; a test waits for frames, never for time.
 */
import { createServer, connect, type Socket, type Server } from "node:net";
import { connect as connectTls, TLSSocket, type ConnectionOptions, type TLSSocketOptions } from "node:tls";
import {
  CLIENT_PREFACE,
  decodeSettings,
  encodeFrame,
  encodeSettings,
  Flag,
  FrameReader,
  FrameType,
  Setting,
  uint32,
  type FrameTypeName,
  type RawFrame,
} from "./http2-frame.js";
import { encodeFields, HpackDecoder, type Field, type Representation } from "./http2-hpack.js";

/** A test that waits this long for a frame has failed. */
const GUARD_MS = 10_000;
const DEFAULT_WINDOW = 65_535;
const MAX_FRAME_BYTES = 16_384;

const FRAME_NAMES = Object.keys(FrameType) as FrameTypeName[];

/** A frame that came, with what it means already read. */
export interface Frame extends RawFrame {
  readonly name: FrameTypeName | "unknown";
  readonly endStream: boolean;
  /** The fields of HEADERS, its CONTINUATION frames included. */
  readonly fields: readonly Field[];
  /** How each of the fields was written. */
  readonly representations: readonly Representation[];
  /** The bytes of DATA without padding. */
  readonly data: Buffer;
  /** What RST_STREAM and GOAWAY say. */
  readonly errorCode: number;
}

/** Everything that came on one stream. */
export interface Reply {
  /** The first block that is not informational. */
  readonly headers: readonly Field[];
  /** The block that ended the stream: the first one, for Trailers-Only. */
  readonly trailers: readonly Field[];
  /** Every DATA frame's bytes. */
  readonly data: Buffer;
  /** The frames in their order, such as `"HEADERS"`, `"DATA+END_STREAM"`, `"RST_STREAM(0)"`. */
  readonly order: readonly string[];
  readonly resetCode: number | undefined;
  /** `grpc-status` of the trailers; `NaN` for none. */
  readonly grpcStatus: number;
  /** `grpc-message` of the trailers, as it was on the wire. */
  readonly grpcMessage: string;
}

export interface PeerOptions {
  /** What the first SETTINGS frame says; `false` sends none. */
  readonly settings?: Readonly<Record<number, number>> | false;
  /** Whether what is received is given back to the windows at once. Default true. */
  readonly autoWindow?: boolean;
}

export interface HeadersOptions {
  readonly endStream?: boolean;
}

export interface DataOptions {
  readonly endStream?: boolean;
  /** Bytes of padding; the frame has none when it is left out. */
  readonly padding?: number;
}

export interface BodyOptions extends DataOptions {
  /** How many bytes of the body one DATA frame has at most. */
  readonly frameBytes?: number;
}

interface Waiting {
  check(): boolean;
  fail(): void;
}

/** One end of one connection. */
export class Peer {
  readonly socket: Socket;
  /** The TCP connection below TLS; the socket itself without it. */
  readonly #carrier: Socket;
  /** Every frame that came, in order. */
  readonly frames: Frame[] = [];
  autoWindow: boolean;
  /** Hears every frame as it comes in. */
  hear: ((frame: Frame) => void) | undefined;
  /** Whether SETTINGS and PING are acknowledged. Not for a peer that sends no SETTINGS, as they come before everything. */
  autoAck: boolean;
  /** Whether what comes is kept; a flood's answers are not. A GOAWAY always is. */
  remembers = true;
  closed = false;
  readonly #taken = new Set<Frame>();
  readonly #reader: FrameReader;
  readonly #hpack = new HpackDecoder();
  readonly #waiting = new Set<Waiting>();
  #block: { readonly head: RawFrame; readonly parts: Buffer[] } | undefined;
  #connectionWindow = DEFAULT_WINDOW;
  #initialWindow = DEFAULT_WINDOW;
  /** What each stream's window has gained or lost since it was the initial one, which SETTINGS change for all at once. */
  readonly #streamWindows = new Map<number, number>();

  protected constructor(socket: Socket, prefaceBytes: number, options: PeerOptions, carrier = socket) {
    this.socket = socket;
    this.#carrier = carrier;
    this.autoWindow = options.autoWindow ?? true;
    this.autoAck = options.settings !== false;
    this.#reader = new FrameReader(prefaceBytes);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      for (const frame of this.#reader.push(chunk)) this.#onFrame(frame);
      this.#check();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      this.#check();
      for (const one of this.#waiting) one.fail();
    });
  }

  #onFrame(raw: RawFrame): void {
    const block = this.#block;
    if (raw.type === FrameType.HEADERS && (raw.flags & Flag.END_HEADERS) === 0) {
      this.#block = { head: raw, parts: [unpadded(raw)] };
    } else if (raw.type === FrameType.CONTINUATION && block !== undefined) {
      block.parts.push(raw.payload);
      if ((raw.flags & Flag.END_HEADERS) === 0) return;
      this.#block = undefined;
      this.#keep(block.head, Buffer.concat(block.parts));
    } else {
      this.#keep(raw, raw.type === FrameType.HEADERS ? unpadded(raw) : undefined);
    }
  }

  #keep(raw: RawFrame, block: Buffer | undefined): void {
    const { type, payload } = raw;
    const fields = block === undefined ? [] : this.#hpack.decode(block);
    const hasEnd = type === FrameType.HEADERS || type === FrameType.DATA;
    const frame: Frame = {
      ...raw,
      name: FRAME_NAMES.find((name) => FrameType[name] === type) ?? "unknown",
      endStream: hasEnd && (raw.flags & Flag.END_STREAM) !== 0,
      fields,
      representations: block === undefined ? [] : this.#hpack.representations,
      data: type === FrameType.DATA ? unpadded(raw) : Buffer.alloc(0),
      errorCode:
        type === FrameType.RST_STREAM
          ? payload.readUInt32BE(0)
          : type === FrameType.GOAWAY
            ? payload.readUInt32BE(4)
            : Number.NaN,
    };
    if (this.remembers || type === FrameType.GOAWAY) this.frames.push(frame);
    this.#react(raw);
    this.hear?.(frame);
  }

  #react({ type, flags, streamId, payload }: RawFrame): void {
    if (type === FrameType.SETTINGS && (flags & Flag.ACK) === 0) {
      this.#initialWindow = decodeSettings(payload).get(Setting.INITIAL_WINDOW_SIZE) ?? this.#initialWindow;
      if (this.autoAck) this.send(FrameType.SETTINGS, Flag.ACK, 0);
    } else if (type === FrameType.PING && (flags & Flag.ACK) === 0) {
      if (this.autoAck) this.send(FrameType.PING, Flag.ACK, 0, payload);
    } else if (type === FrameType.WINDOW_UPDATE) {
      this.#widen(streamId, payload.readUInt32BE(0));
    } else if (type === FrameType.DATA && this.autoWindow && payload.length > 0) {
      this.windowUpdate(0, payload.length);
      if ((flags & Flag.END_STREAM) === 0) this.windowUpdate(streamId, payload.length);
    }
  }

  #widen(streamId: number, bytes: number): void {
    if (streamId === 0) this.#connectionWindow += bytes;
    else this.#streamWindows.set(streamId, (this.#streamWindows.get(streamId) ?? 0) + bytes);
  }

  #check(): void {
    for (const one of this.#waiting) if (one.check()) this.#waiting.delete(one);
  }

  /** Waits until `find` gives something, looking again whenever something came. Fails when the connection is gone. */
  async until<T>(what: string, find: () => T | undefined): Promise<T> {
    const found = find();
    if (found !== undefined) return found;
    if (this.closed) throw this.#missing(what, "the connection is closed");
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        check: () => {
          const value = find();
          if (value === undefined) return false;
          clearTimeout(timer);
          resolve(value);
          return true;
        },
        fail: () => {
          clearTimeout(timer);
          reject(this.#missing(what, "the connection was closed"));
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(this.#missing(what, `${GUARD_MS} ms passed`));
      }, GUARD_MS);
      this.#waiting.add(waiting);
    });
  }

  #missing(what: string, why: string): Error {
    const came = this.frames.slice(-40).map((frame) => `${frame.streamId}:${describe(frame)}`);
    return new Error(`wanted ${what}, but ${why}; the last frames were ${came.join(" ") || "none"}`);
  }

  /** The next frame of a type (and stream) that was not taken before. */
  frame(name: FrameTypeName, streamId?: number): Promise<Frame> {
    return this.until(`${name} on stream ${streamId ?? "any"}`, () => {
      const frame = this.frames.find(
        (one) => one.name === name && (streamId ?? one.streamId) === one.streamId && !this.#taken.has(one),
      );
      if (frame !== undefined) this.#taken.add(frame);
      return frame;
    });
  }

  /** The frames that came on a stream so far. */
  on(streamId: number): Frame[] {
    return this.frames.filter((frame) => frame.streamId === streamId);
  }

  /** The frames that carry a call, on a stream so far, in order: `"HEADERS"`, `"DATA+END_STREAM"`, `"RST_STREAM(0)"`. */
  order(streamId: number): string[] {
    return this.on(streamId)
      .filter((frame) => frame.name !== "WINDOW_UPDATE" && frame.name !== "PRIORITY")
      .map(describe);
  }

  /** Everything on a stream, once it has ended or was reset. */
  reply(streamId: number): Promise<Reply> {
    return this.until(`the end of stream ${streamId}`, () => {
      const frames = this.on(streamId);
      return frames.some((one) => one.endStream || one.name === "RST_STREAM")
        ? replyOf(frames, this.order(streamId))
        : undefined;
    });
  }

  /** How many bytes of DATA came on a stream so far. */
  received(streamId: number): number {
    return this.on(streamId).reduce((sum, frame) => sum + frame.data.length, 0);
  }

  /** Waits until the other side has closed the connection. */
  async disconnected(): Promise<void> {
    if (this.closed) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(this.#missing("the end of the connection", `${GUARD_MS} ms passed`)),
        GUARD_MS,
      );
      this.socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Waits for the answer to a PING: everything sent before it has been read by then. */
  async roundTrip(): Promise<void> {
    const acks = (): number => this.frames.filter((one) => one.name === "PING" && (one.flags & Flag.ACK) !== 0).length;
    const before = acks();
    this.send(FrameType.PING, 0, 0, Buffer.alloc(8, before % 256));
    await this.until("a PING acknowledgement", () => (acks() > before ? true : undefined));
  }

  /** Writes bytes as they are. */
  raw(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Writes bytes below TLS, where they make no record. */
  rawBelowTls(bytes: Uint8Array): void {
    this.#carrier.write(bytes);
  }

  /** Writes a frame, whatever it may be. */
  send(type: number, flags: number, streamId: number, payload?: Uint8Array): void {
    this.raw(encodeFrame(type, flags, streamId, payload));
  }

  headers(streamId: number, fields: readonly Field[], { endStream = false }: HeadersOptions = {}): void {
    this.raw(encodeHeaders(streamId, fields, endStream));
  }

  data(streamId: number, bytes: Uint8Array, { endStream = false, padding }: DataOptions = {}): void {
    const end = endStream ? Flag.END_STREAM : 0;
    if (padding === undefined) this.send(FrameType.DATA, end, streamId, bytes);
    else
      this.send(
        FrameType.DATA,
        end | Flag.PADDED,
        streamId,
        Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding)]),
      );
  }

  /**
   * Sends a body at the pace the other side's windows allow, and gives up when the stream is reset.
   *
   * @returns how many bytes were sent.
   */
  async body(streamId: number, bytes: Uint8Array, options: BodyOptions = {}): Promise<number> {
    const { endStream = false, padding, frameBytes = MAX_FRAME_BYTES } = options;
    // "The entire DATA frame payload is included in flow control, including the Pad Length and Padding fields."
    const overhead = padding === undefined ? 0 : padding + 1;
    for (let at = 0; at < bytes.length;) {
      const room = await this.until("room to send", () => {
        const window = Math.min(this.#connectionWindow, this.#initialWindow + (this.#streamWindows.get(streamId) ?? 0));
        if (this.on(streamId).some((frame) => frame.name === "RST_STREAM")) return 0;
        return window > overhead ? window - overhead : undefined;
      });
      if (room === 0) return at;
      const end = Math.min(at + Math.min(room, frameBytes), bytes.length);
      this.#widen(0, at - end - overhead);
      this.#widen(streamId, at - end - overhead);
      const last = endStream && end === bytes.length;
      this.data(
        streamId,
        bytes.subarray(at, end),
        padding === undefined ? { endStream: last } : { endStream: last, padding },
      );
      at = end;
    }
    return bytes.length;
  }

  reset(streamId: number, code: number): void {
    this.send(FrameType.RST_STREAM, 0, streamId, uint32(code));
  }

  goaway(lastStreamId: number, code: number, text = ""): void {
    this.send(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code), Buffer.from(text, "latin1")]));
  }

  settings(settings: Readonly<Record<number, number>>): void {
    this.send(FrameType.SETTINGS, 0, 0, encodeSettings(settings));
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.send(FrameType.WINDOW_UPDATE, 0, streamId, uint32(bytes));
  }

  /** Ends the connection with a FIN. */
  end(): void {
    this.socket.end();
  }

  /** Ends the connection with a TCP RST. */
  abort(): void {
    this.#carrier.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A header block as the frames that carry it: HEADERS, and CONTINUATION for what does not fit. */
export function encodeHeaders(streamId: number, fields: readonly Field[], endStream: boolean): Buffer {
  const block = encodeFields(fields);
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += MAX_FRAME_BYTES) {
    const last = at + MAX_FRAME_BYTES >= block.length ? Flag.END_HEADERS : 0;
    const part = block.subarray(at, at + MAX_FRAME_BYTES);
    const [type, end] = at === 0 ? [FrameType.HEADERS, endStream ? Flag.END_STREAM : 0] : [FrameType.CONTINUATION, 0];
    frames.push(encodeFrame(type, last | end, streamId, part));
  }
  return Buffer.concat(frames);
}

/** The first value of a field, or `undefined`. */
export function field(fields: readonly Field[], name: string): string | undefined {
  return fields.find(([one]) => one === name)?.[1];
}

/** Every value of a field, in order. */
export function fieldAll(fields: readonly Field[], name: string): string[] {
  return fields.filter(([one]) => one === name).map(([, value]) => value);
}

function describe(frame: Frame): string {
  if (frame.name === "RST_STREAM" || frame.name === "GOAWAY") return `${frame.name}(${frame.errorCode})`;
  return frame.endStream ? `${frame.name}+END_STREAM` : frame.name;
}

function unpadded({ type, flags, payload }: RawFrame): Buffer {
  const padded = (flags & Flag.PADDED) !== 0;
  const start = (padded ? 1 : 0) + (type === FrameType.HEADERS && (flags & Flag.PRIORITY) !== 0 ? 5 : 0);
  return payload.subarray(start, payload.length - (padded ? (payload[0] ?? 0) : 0));
}

function replyOf(frames: readonly Frame[], order: readonly string[]): Reply {
  const blocks = frames.filter((frame) => frame.name === "HEADERS");
  const trailers = blocks.findLast((frame) => frame.endStream)?.fields ?? [];
  return {
    headers: blocks.find((frame) => !(field(frame.fields, ":status") ?? "").startsWith("1"))?.fields ?? [],
    trailers,
    data: Buffer.concat(frames.map((frame) => frame.data)),
    order,
    resetCode: frames.find((frame) => frame.name === "RST_STREAM")?.errorCode,
    grpcStatus: Number(field(trailers, "grpc-status") ?? Number.NaN),
    grpcMessage: field(trailers, "grpc-message") ?? "",
  };
}

/** A client of ours, connected to the server under test. */
export class RawClient extends Peer {
  #nextStreamId = 1;

  /** Connects, sends the preface and SETTINGS. */
  static async connect(port: number, options: PeerOptions = {}): Promise<RawClient> {
    const client = await RawClient.connectSilently(port, options);
    client.raw(CLIENT_PREFACE);
    if (options.settings !== false) client.settings(options.settings ?? {});
    return client;
  }

  /** Connects and says nothing. */
  static connectSilently(port: number, options: PeerOptions = {}): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(new RawClient(socket, 0, options)));
      socket.once("error", reject);
    });
  }

  /** Connects with TLS and sends the preface and SETTINGS, once the server has chosen a protocol. */
  static async connectTls(port: number, tls: ConnectionOptions, options: PeerOptions = {}): Promise<RawClient> {
    const carrier = connect(port, "127.0.0.1");
    const client = await new Promise<RawClient>((resolve, reject) => {
      const secure = connectTls({ socket: carrier, servername: "localhost", ALPNProtocols: ["h2"], ...tls }, () =>
        resolve(new RawClient(secure, 0, options, carrier)),
      );
      secure.once("error", reject);
    });
    client.raw(CLIENT_PREFACE);
    client.settings({});
    return client;
  }

  /** The id of the next stream a client may open. */
  nextStreamId(): number {
    const streamId = this.#nextStreamId;
    this.#nextStreamId += 2;
    return streamId;
  }

  /** Opens a stream with these fields; says its id. */
  open(fields: readonly Field[], options: HeadersOptions = {}): number {
    const streamId = this.nextStreamId();
    this.headers(streamId, fields, options);
    return streamId;
  }
}

/** The server's end of one connection of the client under test. */
export class ServerPeer extends Peer {
  constructor(socket: Socket, options: PeerOptions, carrier?: Socket) {
    super(socket, CLIENT_PREFACE.length, options, carrier);
    if (options.settings !== false) this.settings(options.settings ?? {});
  }

  /** The header block of the next call. */
  request(): Promise<Frame> {
    return this.frame("HEADERS");
  }
}

/** A server of ours, which the channel under test connects to. */
export class RawServer {
  readonly #listener: Server;
  readonly #options: PeerOptions;
  /** Every connection that was made, in order. */
  readonly connections: ServerPeer[] = [];
  /** Hears of every connection as it is made. */
  hear: ((connection: ServerPeer) => void) | undefined;
  #taken = 0;
  #arrived: (() => void) | undefined;

  private constructor(options: PeerOptions, tls: TLSSocketOptions | undefined) {
    this.#options = options;
    this.#listener = createServer((carrier) => {
      const socket = tls === undefined ? carrier : new TLSSocket(carrier, { isServer: true, ...tls });
      const connection = new ServerPeer(socket, this.#options, carrier);
      this.connections.push(connection);
      this.hear?.(connection);
      this.#arrived?.();
    });
  }

  /** Listens on a port, 0 for a free one, or on the unix socket at a path. With `tls`, a peer that chooses ALPN h2 has to say so. */
  static async listen(options: PeerOptions = {}, tls?: TLSSocketOptions, at: number | string = 0): Promise<RawServer> {
    const server = new RawServer(options, tls);
    await new Promise<void>((resolve, reject) => {
      server.#listener.once("error", reject);
      if (typeof at === "number") server.#listener.listen(at, "127.0.0.1", resolve);
      else server.#listener.listen(at, resolve);
    });
    return server;
  }

  get port(): number {
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("the server does not listen");
    return address.port;
  }

  /** The next connection that was not taken before. */
  async connection(): Promise<ServerPeer> {
    if (this.connections.length <= this.#taken) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("wanted a connection, but none came")), GUARD_MS);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const connection = this.connections[this.#taken++];
    if (connection === undefined) throw new Error("connections must be awaited one after another");
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.destroy();
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}
