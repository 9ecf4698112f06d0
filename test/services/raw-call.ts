/**
 * One call made of bytes, through nothing but node:http2: what came back is compared byte for byte.
 */
import { connect, type IncomingHttpHeaders } from "node:http2";

export interface RawReply {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  /** Every DATA frame's payload, joined, in hexadecimal. */
  readonly data: string;
}

/** Sends `messages` (length-prefixed, hexadecimal) to `path` and half-closes. */
export function rawCall(port: number, path: string, messages: readonly string[]): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on("response", (received) => (headers = received));
    stream.on("trailers", (received) => (trailers = received));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => {
      session.close();
      resolve({ headers, trailers, data: Buffer.concat(chunks).toString("hex") });
    });
    for (const message of messages) stream.write(Buffer.from(message, "hex"));
    stream.end();
  });
}

/** A message with its prefix, in hexadecimal. */
export function prefixed(message: Uint8Array): string {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]).toString("hex");
}
