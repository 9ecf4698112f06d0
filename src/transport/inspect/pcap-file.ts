/**
 * Connections as a capture file, which Wireshark and tcpdump read: what was seen, in TCP segments that are made up around it.
 *
 * Spec: draft-ietf-opsawg-pcap (the file; link type 101 is bare IP packets); RFC 9293 §3.4 (sequence numbers), §3.5 (handshake), §3.6
 * (closing).
 * Laws: bytes and times are those that were seen, addresses those of client and proxy; everything else is made up; nothing is hidden, as
 * header blocks of which a part is missing could not be read by anybody.
 */
import type { Side } from "./conversation.js";
import { ACK, type Endpoint, FIN, ipPacket, parseEndpoint, PSH, RST, SYN } from "./ip-packet.js";
import type { WireEvent } from "./wire-event.js";

/** Times in microseconds, numbers with their lowest byte first. */
const MAGIC = 0xa1b2c3d4;
const LINK_TYPE_RAW = 101;
const MAX_PACKET_BYTES = 262_144;
const SEGMENT_BYTES = 16_384;
const NO_BYTES = new Uint8Array(0);
/** Where nothing is known: connections that are made of no TCP. */
const MADE_UP = { client: "127.0.0.1", server: "127.0.0.1:50051" } as const;
const FIRST_MADE_UP_PORT = 40_000;

/** One direction of a connection. */
interface Direction {
  readonly endpoint: Endpoint;
  /** The number of its next byte. */
  sequence: number;
  hasEnded: boolean;
}

/** Makes the bytes of a capture file. */
export class PcapFile {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #connections = new Map<number, Readonly<Record<Side, Direction>>>();

  /** Writes the file's header at once. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
    const header = Buffer.alloc(24);
    header.writeUInt32LE(MAGIC, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(MAX_PACKET_BYTES, 16);
    header.writeUInt32LE(LINK_TYPE_RAW, 20);
    write(header);
  }

  /** Takes the next event. */
  hear(event: WireEvent): void {
    if (event.kind === "opened") this.#open(event.connection, event.atMs, event.peer, event.local);
    if (!("connection" in event) || event.connection === undefined) return;
    const both = this.#connections.get(event.connection);
    if (both === undefined) return;
    if (event.kind === "bytes") this.#data(both, event.from, event.atMs, event.chunk);
    if (event.kind === "half-closed") this.#end(both, event.from, event.atMs, FIN | ACK);
    if (event.kind !== "closed" && event.kind !== "unreachable") return;
    this.#connections.delete(event.connection);
    const broken = event.kind === "unreachable" ? "server" : event.broken?.from;
    // A side that has reset the connection says nothing more, and is told nothing more.
    if (broken !== undefined) this.#end(both, broken, event.atMs, RST | ACK);
    else for (const from of ["client", "server"] as const) this.#end(both, from, event.atMs, FIN | ACK);
  }

  #open(connection: number, atMs: number, peer: string, local: string): void {
    const [client, server] = endpoints(connection, peer, local);
    const both = { client: newDirection(client), server: newDirection(server) };
    this.#connections.set(connection, both);
    this.#packet(both, "client", atMs, SYN);
    both.client.sequence++;
    this.#packet(both, "server", atMs, SYN | ACK);
    both.server.sequence++;
    this.#packet(both, "client", atMs, ACK);
  }

  #data(both: Readonly<Record<Side, Direction>>, from: Side, atMs: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SEGMENT_BYTES) {
      const payload = bytes.subarray(at, at + SEGMENT_BYTES);
      const isLast = at + SEGMENT_BYTES >= bytes.length;
      this.#packet(both, from, atMs, isLast ? PSH | ACK : ACK, payload);
      both[from].sequence = (both[from].sequence + payload.length) >>> 0;
    }
  }

  #end(both: Readonly<Record<Side, Direction>>, from: Side, atMs: number, flags: number): void {
    if (both[from].hasEnded && (flags & RST) === 0) return;
    both[from].hasEnded = true;
    this.#packet(both, from, atMs, flags);
    if ((flags & FIN) === 0) return;
    both[from].sequence = (both[from].sequence + 1) >>> 0;
    this.#packet(both, from === "client" ? "server" : "client", atMs, ACK);
  }

  #packet(
    both: Readonly<Record<Side, Direction>>,
    from: Side,
    atMs: number,
    flags: number,
    payload: Uint8Array = NO_BYTES,
  ): void {
    const sender = both[from];
    const receiver = both[from === "client" ? "server" : "client"];
    const packet = ipPacket({
      from: sender.endpoint,
      to: receiver.endpoint,
      sequence: sender.sequence,
      acknowledged: (flags & ACK) === 0 ? 0 : receiver.sequence,
      flags,
      payload,
    });
    const header = Buffer.alloc(16);
    const micros = Math.floor(atMs * 1000);
    header.writeUInt32LE(Math.floor(micros / 1_000_000), 0);
    header.writeUInt32LE(micros % 1_000_000, 4);
    header.writeUInt32LE(packet.length, 8);
    header.writeUInt32LE(packet.length, 12);
    this.#write(Buffer.concat([header, packet]));
  }
}

function newDirection(endpoint: Endpoint): Direction {
  return { endpoint, sequence: 0, hasEnded: false };
}

function endpoints(connection: number, peer: string, local: string): readonly [Endpoint, Endpoint] {
  const client = parseEndpoint(peer);
  const server = parseEndpoint(local);
  if (client !== undefined && server?.ip.length === client.ip.length) return [client, server];
  const port = FIRST_MADE_UP_PORT + (connection % 20_000);
  return [parseEndpoint(`${MADE_UP.client}:${port}`), parseEndpoint(MADE_UP.server)] as [Endpoint, Endpoint];
}
