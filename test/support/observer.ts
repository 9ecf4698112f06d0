/**
 * A TCP observer: stands between a client and a server, passes every byte on unchanged, and tells what was on the wire as
 * HTTP/2 frames, messages and header fields. It shares no code with the library, so that a fault there cannot hide here.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { type Field, HpackDecoder } from "./http2-hpack.js";

/** RFC 9113 §6: the frame types, by number. */
export const FRAME_TYPES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
] as const;

export interface Frame {
  readonly type: (typeof FRAME_TYPES)[number] | number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
  readonly endStream: boolean;
}

/** One header block: what opens a stream, a response's headers, or trailers. */
export interface HeaderBlock {
  readonly streamId: number;
  readonly fields: readonly Field[];
  readonly endStream: boolean;
}

export type Direction = "fromClient" | "fromServer";

/** One TCP connection that went through. */
export class Conversation {
  readonly #chunks: Record<Direction, Buffer[]> = { fromClient: [], fromServer: [] };
  /** Both directions in the order in which they passed. */
  readonly passed: (readonly [Direction, Buffer])[] = [];

  /** Takes what one side wrote. */
  record(direction: Direction, chunk: Buffer): void {
    this.#chunks[direction].push(chunk);
    this.passed.push([direction, chunk]);
  }

  bytes(direction: Direction): Buffer {
    return Buffer.concat(this.#chunks[direction]);
  }

  /** Every whole frame of one direction, in order. */
  frames(direction: Direction): Frame[] {
    return parseFrames(this.bytes(direction), direction);
  }

  /** The frames of one stream, in order. */
  streamFrames(direction: Direction, streamId: number): Frame[] {
    return this.frames(direction).filter((frame) => frame.streamId === streamId);
  }

  /** The ids of the streams the client opened, in order. */
  get streamIds(): number[] {
    return this.frames("fromClient").flatMap((frame) => (frame.type === "HEADERS" ? [frame.streamId] : []));
  }

  /** The header blocks of one stream, decoded; those of other streams are read as well, as the table is shared. */
  headerBlocks(direction: Direction, streamId: number): HeaderBlock[] {
    const decoder = new HpackDecoder();
    const blocks: HeaderBlock[] = [];
    let pieces: Buffer[] = [];
    let endStream = false;
    for (const frame of this.frames(direction)) {
      if (frame.type !== "HEADERS" && frame.type !== "CONTINUATION") continue;
      pieces.push(frame.payload);
      endStream ||= frame.endStream;
      if ((frame.flags & END_HEADERS) === 0) continue;
      blocks.push({ streamId: frame.streamId, fields: decoder.decode(Buffer.concat(pieces)), endStream });
      pieces = [];
      endStream = false;
    }
    return blocks.filter((block) => block.streamId === streamId);
  }

  /** The length-prefixed messages of one stream and direction, prefixes included, whatever the frames were. */
  messages(direction: Direction, streamId: number): Buffer[] {
    const data = this.streamFrames(direction, streamId)
      .filter((frame) => frame.type === "DATA")
      .map((frame) => frame.payload);
    return splitMessages(Buffer.concat(data));
  }
}

export interface Observer {
  /** Where clients connect instead. */
  readonly port: number;
  /** The connections so far, in order. */
  readonly conversations: readonly Conversation[];
  /** The only conversation there is. @throws Error when there are none or several. */
  readonly conversation: Conversation;
  /** Cuts every connection, as a failing network would. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts an observer in front of a server on this machine. */
export async function observe(serverPort: number): Promise<Observer> {
  const conversations: Conversation[] = [];
  const sockets = new Set<Socket>();
  const listener = createServer((fromClient) => {
    const toServer = connect({ host: "127.0.0.1", port: serverPort, noDelay: true });
    const conversation = new Conversation();
    conversations.push(conversation);
    fromClient.setNoDelay(true);
    pass(fromClient, toServer, sockets, (chunk) => conversation.record("fromClient", chunk));
    pass(toServer, fromClient, sockets, (chunk) => conversation.record("fromServer", chunk));
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (listener.address() as AddressInfo).port,
    conversations,
    get conversation() {
      const [first] = conversations;
      if (first === undefined || conversations.length > 1) {
        throw new Error(`one connection was wanted, there are ${conversations.length}`);
      }
      return first;
    },
    cut,
    close: () => closeListener(listener, cut),
  };
}

function pass(from: Socket, to: Socket, sockets: Set<Socket>, record: (chunk: Buffer) => void): void {
  sockets.add(from);
  from.on("data", (chunk: Buffer) => {
    record(chunk);
    if (!to.write(chunk)) {
      from.pause();
      to.once("drain", () => from.resume());
    }
  });
  from.on("end", () => to.end());
  from.on("error", () => to.destroy());
  from.on("close", () => {
    sockets.delete(from);
    to.destroy();
  });
}

function closeListener(listener: Server, cut: () => void): Promise<void> {
  return new Promise((resolve) => {
    listener.close(() => resolve());
    cut();
  });
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES = 9;
const END_HEADERS = 0x4;

function parseFrames(bytes: Buffer, direction: Direction): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  if (direction === "fromClient") {
    if (bytes.subarray(0, PREFACE.length).toString("latin1") !== PREFACE) throw new Error("no HTTP/2 preface");
    at = PREFACE.length;
  }
  while (bytes.length - at >= FRAME_HEADER_BYTES) {
    const length = bytes.readUIntBE(at, 3);
    const end = at + FRAME_HEADER_BYTES + length;
    if (end > bytes.length) break;
    frames.push(parseFrame(bytes.subarray(at, end)));
    at = end;
  }
  return frames;
}

function parseFrame(frame: Buffer): Frame {
  const number = frame.readUInt8(3);
  const type = FRAME_TYPES[number] ?? number;
  const flags = frame.readUInt8(4);
  let payload = frame.subarray(FRAME_HEADER_BYTES);
  const carriesFields = type === "HEADERS";
  if ((type === "DATA" || carriesFields) && (flags & 0x8) !== 0) {
    payload = payload.subarray(1, payload.length - payload.readUInt8(0));
  }
  if (carriesFields && (flags & 0x20) !== 0) payload = payload.subarray(5);
  return {
    type,
    flags,
    streamId: frame.readUInt32BE(5) & 0x7fff_ffff,
    payload,
    endStream: (type === "DATA" || carriesFields) && (flags & 0x1) !== 0,
  };
}

function splitMessages(data: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < data.length;) {
    const end = at + 5 + data.readUInt32BE(at + 1);
    if (end > data.length) throw new Error(`the last message wants ${end - data.length} bytes more`);
    messages.push(data.subarray(at, end));
    at = end;
  }
  return messages;
}
