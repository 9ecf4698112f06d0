/**
 * The floor: the least that a gRPC library on `node:http2` can do. The same messages, framing, protobuf codec and windows as
 * barewire, raw `'data'` and `write()`, and nothing else: no limits, deadlines, cancellation, metadata, retries or reconnecting,
 * and an error ends the process.
 *
 * Laws: whatever barewire does for speed is done here as well (messages are encoded behind one another into one chunk, and decoded
 * out of the chunk they came in); the handler of a bidi call is an `async function*` as in barewire, and nothing else is a promise.
 */
import http2, { type ClientHttp2Stream, type Http2Stream, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { gzipSync, gunzipSync } from "node:zlib";
import protobuf from "protobufjs";
import {
  CONNECTION_WINDOW_BYTES,
  expectCount,
  STREAM_WINDOW_BYTES,
  type ConnectOptions,
  type Driver,
  type ServeOptions,
} from "../contender.js";
import { CONTRACT, type Payload } from "../contract.js";

const Type = protobuf.parse(CONTRACT).root.lookupType("bench.Payload");
const PREFIX_BYTES = 5;
const CHUNK_BYTES = 33_792;
/** A chunk with less room than this is full. */
const MIN_ROOM_BYTES = 1024;
const SETTINGS = { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES };
const OPTIONS = { maxSessionMemory: Number.MAX_SAFE_INTEGER };

// Messages out: each behind its prefix, all in one chunk until the microtasks are done, or it is full.

/** Writers with what their chunk has left. */
const writers: protobuf.Writer[] = [];

class Sender {
  readonly #stream: Http2Stream;
  #writer: protobuf.Writer | undefined;
  #start = 0;
  #isScheduled = false;

  constructor(stream: Http2Stream) {
    this.#stream = stream;
  }

  append(message: Partial<Payload>): protobuf.Writer {
    const writer = (this.#writer ??= this.#acquire(message.body?.length ?? 0));
    const prefix = writer.pos;
    writer.pos = prefix + PREFIX_BYTES;
    Type.encode(message, writer);
    const { buf, pos } = writer;
    buf[prefix] = 0;
    (buf as Buffer).writeUInt32BE(pos - prefix - PREFIX_BYTES, prefix + 1);
    return writer;
  }

  /** Whether there is room for more. */
  send(message: Payload): boolean {
    const { buf, pos } = this.append(message);
    if (buf.length - pos < MIN_ROOM_BYTES) return this.#stream.write(this.#take());
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(flush, this);
    }
    return true;
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#writer !== undefined) this.#stream.write(this.#take());
  }

  end(): void {
    if (this.#writer === undefined) this.#stream.end();
    else this.#stream.end(this.#take());
  }

  /** A chunk that a large message fits into need not grow, which is to be copied. */
  #acquire(bytes: number): protobuf.Writer {
    const isLarge = bytes > CHUNK_BYTES >> 1;
    let writer = isLarge ? undefined : writers.pop();
    if (writer === undefined) {
      writer = protobuf.Writer.create();
      writer.buf = Buffer.allocUnsafeSlow(isLarge ? bytes + (bytes >> 3) + MIN_ROOM_BYTES : CHUNK_BYTES);
    }
    this.#start = writer.pos;
    return writer;
  }

  #take(): Uint8Array {
    const writer = this.#writer as protobuf.Writer;
    const { buf, pos } = writer;
    this.#writer = undefined;
    // What was written is never written again: the rest of the chunk serves the next call.
    if (buf.length === CHUNK_BYTES && CHUNK_BYTES - pos >= MIN_ROOM_BYTES) writers.push(writer);
    return buf.subarray(this.#start, pos);
  }
}

function flush(sender: Sender): void {
  sender.flush();
}

// Messages in: decoded where they lie; what a chunk splits is joined.

/** Calls `take` with each message of the stream as it comes. */
function receive(stream: Http2Stream, take: (message: Payload) => void): void {
  let parts: Buffer[] = [];
  let gathered = 0;
  let wanted = PREFIX_BYTES;
  stream.on("data", (chunk: Buffer) => {
    let bytes = chunk;
    if (gathered > 0) {
      parts.push(chunk);
      gathered += chunk.length;
      if (gathered < wanted) return;
      bytes = Buffer.concat(parts, gathered);
      parts = [];
      gathered = 0;
    }
    const reader = new protobuf.BufferReader(bytes);
    let at = 0;
    wanted = PREFIX_BYTES;
    while (bytes.length - at >= PREFIX_BYTES) {
      const length = bytes.readUInt32BE(at + 1);
      if (bytes.length - at - PREFIX_BYTES < length) {
        wanted = PREFIX_BYTES + length;
        break;
      }
      at += PREFIX_BYTES;
      if (bytes[at - PREFIX_BYTES] === 1) {
        take(Type.decode(gunzipSync(bytes.subarray(at, at + length))) as never);
      } else {
        reader.pos = at;
        take(Type.decode(reader, length) as never);
      }
      at += length;
    }
    if (at === bytes.length) return;
    gathered = bytes.length - at;
    parts.push(at === 0 ? bytes : bytes.subarray(at));
  });
}

/** The messages of a stream for a `for await`: one promise when there is none to give. */
class Requests implements AsyncIterableIterator<Payload> {
  readonly #queue: Payload[] = [];
  #at = 0;
  #ended = false;
  #wake: ((result: IteratorResult<Payload>) => void) | undefined;
  readonly #stream: Http2Stream;

  constructor(stream: Http2Stream) {
    this.#stream = stream;
    receive(stream, (message) => {
      const wake = this.#wake;
      if (wake === undefined) {
        if (this.#queue.push(message) === 1024) stream.pause();
      } else {
        this.#wake = undefined;
        wake({ done: false, value: message });
      }
    });
    stream.on("end", () => {
      this.#ended = true;
      this.#wake?.({ done: true, value: undefined });
    });
  }

  next(): Promise<IteratorResult<Payload>> {
    if (this.#at < this.#queue.length) {
      return Promise.resolve({ done: false, value: this.#queue[this.#at++] as Payload });
    }
    if (this.#at > 0) {
      this.#queue.length = this.#at = 0;
      if (this.#stream.isPaused()) this.#stream.resume();
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => (this.#wake = resolve));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

// The server.

const RESPONSE = { ":status": 200, "content-type": "application/grpc+proto" };
const RESPOND = { waitForTrailers: true, sendDate: false };

function respond(stream: ServerHttp2Stream): Sender {
  stream.respond(RESPONSE, RESPOND);
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  return new Sender(stream);
}

const HANDLERS: Readonly<Record<string, (stream: ServerHttp2Stream) => void>> = {
  "/bench.Bench/Echo": (stream) => {
    let request: Payload | undefined;
    receive(stream, (message) => (request = message));
    stream.on("end", () => {
      const sender = respond(stream);
      sender.append(request as Payload);
      sender.end();
    });
  },
  "/bench.Bench/Download": (stream) =>
    receive(stream, (request) => {
      const sender = respond(stream);
      let left = request.count;
      const more = (): void => {
        while (left-- > 0) if (!sender.send(request)) return void stream.once("drain", more);
        sender.end();
      };
      more();
    }),
  "/bench.Bench/Upload": (stream) => {
    let count = 0;
    receive(stream, () => count++);
    stream.on("end", () => {
      const sender = respond(stream);
      sender.append({ count });
      sender.end();
    });
  },
  "/bench.Bench/Exchange": (stream) => {
    void respondWith(stream, exchange(new Requests(stream)));
  },
};

async function* exchange(requests: AsyncIterable<Payload>): AsyncGenerator<Payload> {
  for await (const request of requests) yield request;
}

async function respondWith(stream: ServerHttp2Stream, responses: AsyncIterable<Payload>): Promise<void> {
  const sender = respond(stream);
  for await (const response of responses) {
    if (!sender.send(response)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  sender.end();
}

export async function serve({ tls, maxConcurrentStreams }: ServeOptions): Promise<number> {
  const settings = { ...SETTINGS, maxConcurrentStreams };
  const server =
    tls === undefined
      ? http2.createServer({ ...OPTIONS, settings })
      : http2.createSecureServer({ ...OPTIONS, settings, ...tls });
  server.on("session", (session: http2.ServerHttp2Session) => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
  server.on("stream", (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on("error", () => undefined);
    HANDLERS[headers[":path"] as string]?.(stream);
  });
  const listen = promisify((port: number, host: string, done: () => void) => server.listen(port, host, done));
  await listen(0, "127.0.0.1");
  return (server.address() as AddressInfo).port;
}

// The client.

export function connect({ port, ca, gzip }: ConnectOptions): Driver {
  const url = `${ca === undefined ? "http" : "https"}://localhost:${port}`;
  const session = http2.connect(url, {
    ...OPTIONS,
    settings: SETTINGS,
    ca,
    family: 4,
  } as http2.SecureClientSessionOptions);
  session.once("connect", () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
  session.unref();

  const open = (method: string): ClientHttp2Stream =>
    session.request({
      ":method": "POST",
      ":path": `/bench.Bench/${method}`,
      te: "trailers",
      "content-type": "application/grpc+proto",
      ...(gzip === true ? { "grpc-encoding": "gzip" } : {}),
    });

  const sendOnly = (stream: Http2Stream, message: Payload): void => {
    if (gzip === true) {
      const bytes = gzipSync(Type.encode(message).finish());
      const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
      prefix[0] = 1;
      prefix.writeUInt32BE(bytes.length, 1);
      return void stream.end(Buffer.concat([prefix, bytes]));
    }
    const sender = new Sender(stream);
    sender.append(message);
    sender.end();
  };

  const sendTimes = (stream: Http2Stream, message: Payload, count: number): void => {
    const sender = new Sender(stream);
    let left = count;
    const more = (): void => {
      while (left-- > 0) if (!sender.send(message)) return void stream.once("drain", more);
      sender.end();
    };
    more();
  };

  const take = (stream: ClientHttp2Stream, onMessage: (message: Payload) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      let status: unknown;
      receive(stream, onMessage);
      stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
      stream.on("error", reject);
      stream.on("end", () => (status === "0" ? resolve() : reject(new Error(`grpc-status ${String(status)}`))));
    });

  const takeTimes = async (stream: ClientHttp2Stream, count: number): Promise<void> => {
    let received = 0;
    await take(stream, () => received++);
    expectCount(received, count);
  };

  return {
    echo(message) {
      const stream = open("Echo");
      sendOnly(stream, message);
      let response: Payload | undefined;
      return take(stream, (taken) => (response = taken)).then(() => response);
    },
    download(message, count) {
      const stream = open("Download");
      sendOnly(stream, { ...message, count });
      return takeTimes(stream, count);
    },
    async upload(message, count) {
      const stream = open("Upload");
      sendTimes(stream, message, count);
      let received = 0;
      await take(stream, (response) => (received = response.count));
      expectCount(received, count);
    },
    exchange(message, count) {
      const stream = open("Exchange");
      sendTimes(stream, message, count);
      return takeTimes(stream, count);
    },
    pingPong(message, count) {
      const stream = open("Exchange");
      const sender = new Sender(stream);
      let left = count;
      sender.send(message);
      return take(stream, () => {
        if (--left > 0) sender.send(message);
        else sender.end();
      });
    },
    idle(message) {
      const stream = open("Exchange");
      new Sender(stream).send(message);
      return new Promise((resolve, reject) => {
        stream.on("error", reject);
        receive(stream, () => resolve());
      });
    },
  };
}
