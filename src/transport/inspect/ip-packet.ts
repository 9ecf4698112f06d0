/**
 * TCP segments in IP packets: the headers that a byte stream needs to look like one that was captured.
 *
 * Spec: RFC 9293 §3.1 (TCP's header), §3.2 (options); RFC 7323 §2 (window scale); RFC 791 §3.1 (IPv4); RFC 8200 §3, §8.1 (IPv6); RFC 1071
 * (the checksum).
 * Laws: checksums are right, so that whoever reads a packet finds nothing to complain of.
 */
import { isIPv4, isIPv6 } from "node:net";

/** An IP address, of 4 or 16 bytes, and a port. */
export interface Endpoint {
  readonly ip: Uint8Array;
  readonly port: number;
}

/** What a segment says. */
export interface Segment {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

const TCP = 6;
const HOPS = 64;
const WINDOW = 65_535;
/** A segment is at most this long, and windows count in units of 2^14 bytes: nobody seems to overrun one. */
const SYN_OPTIONS = Uint8Array.of(2, 4, 0xff, 0xd7, 1, 3, 3, 14);
const NO_OPTIONS = new Uint8Array(0);

/** `127.0.0.1:80` or `[::1]:80`; `undefined` for what is neither. An IPv4 address that is written as one of IPv6 is one of IPv4. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, host = "", port = ""] = /^\[?([^\]]*)\]?:(\d+)$/.exec(text) ?? [];
  const bare = host.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  if (isIPv4(bare)) return { ip: Uint8Array.from(bare.split("."), Number), port: Number(port) };
  return isIPv6(bare) ? { ip: parseIpv6(bare), port: Number(port) } : undefined;
}

/** RFC 4291 §2.2. */
function parseIpv6(text: string): Uint8Array {
  const [head = "", tail] = text.split("::");
  const before = wordsIn(head);
  const after = wordsIn(tail ?? "");
  const words = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

function wordsIn(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** The whole packet. Both endpoints must be of one family. */
export function ipPacket(segment: Segment): Buffer {
  const tcp = tcpSegment(segment);
  const { from, to } = segment;
  return Buffer.concat([
    from.ip.length === 4 ? ipv4Header(from, to, tcp.length) : ipv6Header(from, to, tcp.length),
    tcp,
  ]);
}

function tcpSegment({ from, to, sequence, acknowledged, flags, payload }: Segment): Buffer {
  const options = (flags & SYN) === 0 ? NO_OPTIONS : SYN_OPTIONS;
  const headerBytes = 20 + options.length;
  const bytes = Buffer.alloc(headerBytes + payload.length);
  bytes.writeUInt16BE(from.port, 0);
  bytes.writeUInt16BE(to.port, 2);
  bytes.writeUInt32BE(sequence, 4);
  bytes.writeUInt32BE(acknowledged, 8);
  bytes[12] = (headerBytes / 4) << 4;
  bytes[13] = flags;
  bytes.writeUInt16BE(WINDOW, 14);
  bytes.set(options, 20);
  bytes.set(payload, headerBytes);
  // The pseudo-header: addresses, protocol and length. RFC 8200 §8.1 sums up to the same as RFC 9293 §3.1.
  const sum = sumOf(from.ip) + sumOf(to.ip) + TCP + bytes.length + sumOf(bytes);
  bytes.writeUInt16BE(checksum(sum), 16);
  return bytes;
}

function ipv4Header(from: Endpoint, to: Endpoint, payloadBytes: number): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payloadBytes, 2);
  // "Do not fragment": then there is nothing to identify.
  header.writeUInt16BE(0x4000, 6);
  header[8] = HOPS;
  header[9] = TCP;
  header.set(from.ip, 12);
  header.set(to.ip, 16);
  header.writeUInt16BE(checksum(sumOf(header)), 10);
  return header;
}

function ipv6Header(from: Endpoint, to: Endpoint, payloadBytes: number): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(payloadBytes, 4);
  header[6] = TCP;
  header[7] = HOPS;
  header.set(from.ip, 8);
  header.set(to.ip, 24);
  return header;
}

/** The sum of 16-bit words; an odd byte is the upper half of one. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return bytes.length % 2 === 0 ? sum : sum + ((bytes.at(-1) as number) << 8);
}

function checksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x1_0000);
  return ~folded & 0xffff;
}
