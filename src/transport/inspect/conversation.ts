/**
 * A conversation: the bytes of one connection in both directions, read as HTTP/2.
 *
 * Spec: RFC 9113 §3.4 (preface), §4.3 (header blocks), §6.5 (SETTINGS), §6.10 (CONTINUATION); RFC 7541.
 * Laws: it only looks: whatever the bytes are, it never throws, and says once what it cannot follow; frames are told in the order of
 * each direction; what it keeps is bounded, however long the connection lives.
 */
import { CLIENT_PREFACE, FrameDecoder, parseFrame, type Frame, type RawFrame } from "../../codec/http2/frame.js";
import { DEFAULT_TABLE_BYTES, HpackDecoder, type HeaderField } from "../../codec/http2/hpack.js";

/** Who sent something. */
export type Side = "client" | "server";

/** A frame that was seen. */
export interface SeenFrame {
  readonly from: Side;
  readonly raw: RawFrame;
  readonly frame: Frame;
  /** The header list, with the frame that ends its block. */
  readonly fields?: readonly HeaderField[] | undefined;
  /** Whether its sender has said with it that no more comes on the stream. */
  readonly endsStream: boolean;
  /** Why the header block that ends here cannot be read. */
  readonly unreadable?: string | undefined;
}

/** Hears what was seen. */
export interface Listener {
  /** The client has said that it speaks HTTP/2. */
  preface(): void;
  frame(seen: SeenFrame): void;
  /** A side speaks something else; `bytes` is how it begins. Nothing more is told of that side. */
  foreign(from: Side, bytes: Uint8Array): void;
}

/** A header block may be this long, all its CONTINUATION frames together; nobody sends as much. */
const MAX_BLOCK_BYTES = 256 * 1024;
/** A header list is at most this large, in bytes: four times what barewire takes by default. */
const MAX_LIST_BYTES = 64 * 1024;
/** What is shown of something that is no HTTP/2. */
const FOREIGN_BYTES = 256;
const SETTINGS = 4;

/** One connection, seen from the middle. */
export class Conversation {
  readonly #sides: Readonly<Record<Side, Reader>>;

  constructor(listener: Listener) {
    const client = new Reader("client", listener, (bytes) => this.#sides.server.allowTableBytes(bytes));
    const server = new Reader("server", listener, (bytes) => this.#sides.client.allowTableBytes(bytes));
    this.#sides = { client, server };
  }

  /** Takes the next bytes that `from` sent. They may be looked at until this returns, and in the frames that were told. */
  push(from: Side, chunk: Uint8Array): void {
    this.#sides[from].push(chunk);
  }
}

/** A header block of which a part has come. */
interface Block {
  readonly streamId: number;
  readonly endsStream: boolean;
  readonly fragments: Uint8Array[];
  bytes: number;
}

/** One direction of a connection. */
class Reader {
  readonly #from: Side;
  readonly #listener: Listener;
  /** Tells the other side's reader how large a table this side allows. */
  readonly #allow: (tableBytes: number) => void;
  readonly #frames = new FrameDecoder();
  readonly #hpack = new HpackDecoder({ maxListBytes: MAX_LIST_BYTES });
  #state: "beginning" | "frames" | "foreign" = "beginning";
  /** What has come of the beginning. */
  #beginning: Uint8Array = new Uint8Array(0);
  #block: Block | undefined;
  /** A header block was too long to be read: what the ones after it mean is not known any more. */
  #lostTrack = false;

  constructor(from: Side, listener: Listener, allow: (tableBytes: number) => void) {
    this.#from = from;
    this.#listener = listener;
    this.#allow = allow;
  }

  allowTableBytes(bytes: number): void {
    this.#hpack.allowTableBytes(bytes);
  }

  push(chunk: Uint8Array): void {
    if (this.#state === "foreign") return;
    const bytes = this.#state === "frames" ? chunk : this.#begin(chunk);
    if (bytes === undefined) return;
    for (const raw of this.#frames.push(bytes)) this.#seen(raw);
  }

  /** "In HTTP/2, each endpoint is required to send a connection preface." A server's is its first SETTINGS frame alone. */
  #begin(chunk: Uint8Array): Uint8Array | undefined {
    const bytes = this.#beginning.length === 0 ? chunk : Buffer.concat([this.#beginning, chunk]);
    const verdict = this.#from === "client" ? beginsWithPreface(bytes) : beginsWithSettings(bytes);
    if (verdict === undefined) {
      this.#beginning = bytes;
      return undefined;
    }
    this.#beginning = new Uint8Array(0);
    if (!verdict) {
      this.#state = "foreign";
      this.#listener.foreign(this.#from, bytes.subarray(0, FOREIGN_BYTES));
      return undefined;
    }
    this.#state = "frames";
    if (this.#from === "server") return bytes;
    this.#listener.preface();
    return bytes.subarray(CLIENT_PREFACE.length);
  }

  #seen(raw: RawFrame): void {
    const frame = parseFrame(raw);
    if (frame.type === "SETTINGS") this.#noteTable(frame.settings);
    const endsStream = frame.type === "DATA" && frame.endsStream;
    this.#listener.frame({ from: this.#from, raw, frame, endsStream, ...this.#readBlock(frame) });
  }

  #noteTable(settings: readonly { readonly name: string; readonly value: number }[]): void {
    const table = settings.find(({ name }) => name === "HEADER_TABLE_SIZE");
    // A smaller one counts from its acknowledgement on, which the other side says with a change of its own.
    if (table !== undefined) this.#allow(Math.max(table.value, DEFAULT_TABLE_BYTES));
  }

  /** "Header blocks MUST be transmitted as a contiguous sequence of frames." */
  #readBlock(frame: Frame): Partial<SeenFrame> {
    if (!("fragment" in frame)) return {};
    if (frame.type !== "CONTINUATION") {
      const endsStream = frame.type === "HEADERS" && frame.endsStream;
      this.#block = { streamId: frame.streamId, endsStream, fragments: [], bytes: 0 };
    }
    const block = this.#block;
    if (block === undefined || block.streamId !== frame.streamId) return { unreadable: "it continues no header block" };
    block.bytes += frame.fragment.length;
    if (block.bytes <= MAX_BLOCK_BYTES) block.fragments.push(frame.fragment);
    if (!frame.endsHeaders) return {};
    this.#block = undefined;
    return { endsStream: block.endsStream, ...this.#decode(block) };
  }

  #decode({ fragments, bytes }: Block): Pick<SeenFrame, "fields" | "unreadable"> {
    if (this.#lostTrack) return { unreadable: "an earlier header block was too long" };
    if (bytes > MAX_BLOCK_BYTES) {
      this.#lostTrack = true;
      return { unreadable: `it is ${bytes} bytes, of which no more than ${MAX_BLOCK_BYTES} are read` };
    }
    try {
      return { fields: this.#hpack.decode(Buffer.concat(fragments)) };
    } catch (error) {
      return { unreadable: (error as Error).message };
    }
  }
}

/** Whether bytes begin as they must; `undefined` while that is open. */
function beginsWithPreface(bytes: Uint8Array): boolean | undefined {
  const length = Math.min(bytes.length, CLIENT_PREFACE.length);
  if (Buffer.compare(bytes.subarray(0, length), CLIENT_PREFACE.subarray(0, length)) !== 0) return false;
  return length === CLIENT_PREFACE.length ? true : undefined;
}

/** SETTINGS on stream 0, and no longer than settings ever are. "HTTP/1.1 4" read as a frame is on a stream far away. */
function beginsWithSettings(bytes: Uint8Array): boolean | undefined {
  const expected = [0, undefined, undefined, SETTINGS, 0, 0, 0, 0, 0];
  for (const [at, byte] of expected.entries()) {
    if (at >= bytes.length) return undefined;
    if (byte !== undefined && bytes[at] !== byte) return false;
  }
  return true;
}
