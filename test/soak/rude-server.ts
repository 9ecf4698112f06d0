/**
 * A server that treats its clients badly: the metadata `rude` of a call says how, `id` which call it is.
 *
 * Spec: RFC 9113 §6.4 (RST_STREAM), §6.8 (GOAWAY), §8.7; PROTOCOL-HTTP2.md, "Responses".
 * Laws: it remembers nothing of a call that has ended, as it is soaked as well.
 */
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

const HEADERS = { ":status": 200, "content-type": "application/grpc" };
/** An EchoMessage of one letter, with its prefix. */
const MESSAGE = Buffer.from("00000000030a0161", "hex");

const LAST_READ_MS = 100;

type Treatment = (stream: ServerHttp2Stream, session: ServerHttp2Session) => void;

const TREATMENTS = {
  answer,
  /** Answered while requests are still to come, of which the server waits for the end. */
  early(stream) {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.resume();
    stream.end(MESSAGE);
  },
  silence: () => undefined,
  reset: (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
  resetAfterHeaders(stream) {
    stream.respond(HEADERS, { waitForTrailers: true });
    setImmediate(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  },
  resetInMessage(stream) {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.write(MESSAGE.subarray(0, 6), () => setImmediate(() => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)));
  },
  noTrailers(stream) {
    stream.respond(HEADERS);
    stream.end(MESSAGE);
  },
  noGrpc(stream) {
    stream.respond({ ":status": 503, "content-type": "text/html" });
    stream.end("<html>");
  },
  refuse: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
  goaway(stream, session) {
    // This call was not processed, says the GOAWAY: it may move to another connection.
    session.goaway(constants.NGHTTP2_NO_ERROR, (stream.id ?? 3) - 2);
    // From here on Node 20 does not hear that the client has closed.
    setTimeout(() => session.destroy(), LAST_READ_MS).unref();
  },
  cut: (_stream, session) => cut(session),
  cutInMessage(stream, session) {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.write(MESSAGE.subarray(0, 6), () => cut(session));
  },
} satisfies Record<string, Treatment>;

/** What can be done to a call. After `refuse` and `goaway` the same call is answered when it comes again. */
export type Rudeness = keyof typeof TREATMENTS;

/** Like a machine that is gone: no GOAWAY, no RST_STREAM. */
function cut(session: ServerHttp2Session): void {
  if (!session.destroyed) session.socket.resetAndDestroy();
}

function answer(stream: ServerHttp2Stream): void {
  stream.respond(HEADERS, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.resume();
  stream.on("end", () => stream.end(MESSAGE));
}

/** Listens on a free port. */
export class RudeServer {
  readonly #listener: Http2Server = createServer({ maxSessionMemory: Number.MAX_SAFE_INTEGER });
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Calls that will come again. */
  readonly #turnedAway = new Set<string>();

  static async listen(): Promise<RudeServer> {
    const server = new RudeServer();
    await new Promise<void>((resolve) => server.#listener.listen(0, "127.0.0.1", resolve));
    return server;
  }

  private constructor() {
    this.#listener.on("sessionError", () => undefined);
    this.#listener.on("session", (session) => {
      this.#sessions.add(session);
      session.on("error", () => undefined);
      session.on("close", () => this.#sessions.delete(session));
      session.on("stream", (stream, headers) => {
        stream.on("error", () => undefined);
        this.#treat(stream, session, String(headers["rude"] ?? "answer") as Rudeness, String(headers["id"]));
      });
    });
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  #treat(stream: ServerHttp2Stream, session: ServerHttp2Session, rudeness: Rudeness, id: string): void {
    if (this.#turnedAway.delete(id)) {
      answer(stream);
      return;
    }
    if (rudeness === "refuse" || rudeness === "goaway") this.#turnedAway.add(id);
    TREATMENTS[rudeness](stream, session);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const session of this.#sessions) session.destroy();
    await closed;
  }
}
