/**
 * Messages on the wire with their flags: what compression tests say and read.
 *
 * Spec: PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
 */
import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { prefixed } from "./peer-service.js";

/** The two codings that both sides know, by Node's own hand. */
export const ZLIB = {
  gzip: { compress: gzipSync, decompress: gunzipSync },
  deflate: { compress: deflateSync, decompress: inflateSync },
} as const;
export const CODINGS = ["gzip", "deflate"] as const;
export type CodingName = (typeof CODINGS)[number];

export interface FlaggedMessage {
  readonly flag: number;
  readonly payload: Buffer;
}

/** The messages in `data`, whole ones only. */
export function flaggedIn(data: Buffer): FlaggedMessage[] {
  const messages: FlaggedMessage[] = [];
  for (let at = 0; at < data.length;) {
    const end = at + 5 + data.readUInt32BE(at + 1);
    if (end > data.length) throw new Error(`a message of ${end - at} bytes ends after ${data.length - at}`);
    messages.push({ flag: data[at] as number, payload: data.subarray(at + 5, end) });
    at = end;
  }
  return messages;
}

/** The messages in `data` as text, those with the flag after decompression in `coding` and with `"z:"` in front. */
export function opened(data: Buffer, coding: CodingName): string[] {
  return flaggedIn(data).map(({ flag, payload }) =>
    flag === 1 ? `z:${ZLIB[coding].decompress(payload).toString("latin1")}` : payload.toString("latin1"),
  );
}

/** A compressed message with its prefix. */
export function compressed(text: string | Uint8Array, coding: CodingName): Buffer {
  return prefixed(ZLIB[coding].compress(typeof text === "string" ? Buffer.from(text, "latin1") : text), 1);
}
