/**
 * A capture file read by its own rules, and the streams put together from its packets: shares nothing with who wrote it.
 *
 * Spec: draft-ietf-opsawg-pcap; RFC 791, 8200, 9293.
 * Laws: whatever is not as a receiver would want it (a length, a checksum, a sequence number) is an error.
 */
import assert from "node:assert/strict";

export interface Packet {
  readonly atMicros: number;
  readonly version: 4 | 6;
  readonly from: string;
  readonly to: string;
  readonly flags: string;
  readonly sequence: number;
  readonly acknowledged: number;
  readonly options: string;
  readonly payload: Buffer;
}

/** The packets of a file. */
export function readPcap(file: Buffer): Packet[] {
  assert.equal(file.readUInt32LE(0), 0xa1b2c3d4, "the magic number");
  assert.deepEqual([file.readUInt16LE(4), file.readUInt16LE(6)], [2, 4], "the version");
  assert.equal(file.readUInt32LE(20), 101, "bare IP packets");
  const packets: Packet[] = [];
  for (let at = 24; at < file.length;) {
    const length = file.readUInt32LE(at + 8);
    assert.equal(file.readUInt32LE(at + 12), length, "nothing is cut");
    const atMicros = file.readUInt32LE(at) * 1_000_000 + file.readUInt32LE(at + 4);
    packets.push(readPacket(file.subarray(at + 16, at + 16 + length), atMicros));
    at += 16 + length;
  }
  return packets;
}

function readPacket(ip: Buffer, atMicros: number): Packet {
  const version = ip.readUInt8(0) >> 4;
  assert.ok(version === 4 || version === 6);
  const [source, target, tcp] = version === 4 ? readIpv4(ip) : readIpv6(ip);
  const pseudo = Buffer.concat([source, target, Buffer.of(0, 6, tcp.length >> 8, tcp.length & 0xff)]);
  assert.equal(onesSum(Buffer.concat([pseudo, tcp])), 0xffff, "the checksum of TCP");
  const headerBytes = (tcp.readUInt8(12) >> 4) * 4;
  const names = ["FIN", "SYN", "RST", "PSH", "ACK"];
  return {
    atMicros,
    version,
    from: `${source.join(".")}:${tcp.readUInt16BE(0)}`,
    to: `${target.join(".")}:${tcp.readUInt16BE(2)}`,
    sequence: tcp.readUInt32BE(4),
    acknowledged: tcp.readUInt32BE(8),
    flags: names.filter((_, bit) => (tcp.readUInt8(13) & (1 << bit)) !== 0).join(" "),
    options: tcp.toString("hex", 20, headerBytes),
    payload: tcp.subarray(headerBytes),
  };
}

function readIpv4(ip: Buffer): readonly [Buffer, Buffer, Buffer] {
  assert.equal(ip.readUInt8(0), 0x45);
  assert.equal(ip.readUInt16BE(2), ip.length, "the length of IPv4");
  assert.equal(onesSum(ip.subarray(0, 20)), 0xffff, "the checksum of IPv4");
  assert.equal(ip.readUInt8(9), 6, "TCP");
  return [ip.subarray(12, 16), ip.subarray(16, 20), ip.subarray(20)];
}

function readIpv6(ip: Buffer): readonly [Buffer, Buffer, Buffer] {
  assert.equal(ip.readUInt16BE(4), ip.length - 40, "the length of IPv6");
  assert.equal(ip.readUInt8(6), 6, "TCP");
  return [ip.subarray(8, 24), ip.subarray(24, 40), ip.subarray(40)];
}

/** Of a header with its checksum in it this is all ones. */
function onesSum(bytes: Buffer): number {
  const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
  let sum = 0;
  for (let at = 0; at < even.length; at += 2) {
    sum += even.readUInt16BE(at);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** What a receiver of one direction gets: bytes in the order of their sequence numbers, between SYN and FIN, or up to RST. */
export function streamOf(packets: readonly Packet[], from: string): { readonly bytes: Buffer; readonly end: string } {
  let next: number | undefined;
  let end = "";
  const parts: Buffer[] = [];
  for (const packet of packets) {
    const { flags } = packet;
    if (packet.from !== from) {
      // Nobody may acknowledge what has not been sent.
      if (flags.includes("ACK") && next !== undefined) assert.equal(packet.acknowledged, next, "what is acknowledged");
      continue;
    }
    if (flags.includes("SYN")) next = packet.sequence;
    assert.equal(packet.sequence, next, `the sequence number of ${flags}`);
    parts.push(packet.payload);
    const spent = packet.payload.length + (flags.includes("SYN") ? 1 : 0) + (flags.includes("FIN") ? 1 : 0);
    next = ((next ?? 0) + spent) >>> 0;
    if (flags.includes("FIN")) end = "FIN";
    if (flags.includes("RST")) end = "RST";
  }
  return { bytes: Buffer.concat(parts), end };
}
