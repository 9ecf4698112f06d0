/**
 * A DNS server on loopback that answers what a test says, whatever the name.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** Types of records. RFC 1035 §3.2.2, RFC 3596 §2.1. */
export const RecordType = { A: 1, TXT: 16, AAAA: 28 } as const;

/** The data of each record by its type; `"fails"`: the server cannot answer. */
export type DnsRecords = Readonly<Record<number, readonly Buffer[] | "fails">>;

export interface NameServer {
  readonly port: number;
  /** How many questions it has answered. */
  readonly answered: number;
  close(): void;
}

const HEADER_BYTES = 12;
const SERVER_FAILURE = 2;

/** Starts one; `records` is asked for every question. */
export async function startNameServer(records: () => DnsRecords): Promise<NameServer> {
  const socket = createSocket("udp4");
  let answered = 0;
  socket.on("message", (query, from) => {
    answered++;
    socket.send(answer(query, records()), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    get answered() {
      return answered;
    },
    close: () => socket.close(),
  };
}

/** RFC 1035 §4: header, the question again, and the records, whose name is a pointer to that of the question. */
function answer(query: Buffer, records: DnsRecords): Buffer {
  const end = query.indexOf(0, HEADER_BYTES) + 5;
  const question = query.subarray(HEADER_BYTES, end);
  const type = question.subarray(-4, -2);
  const found = records[type.readUInt16BE()] ?? [];
  const items = found === "fails" ? [] : found;
  const header = Buffer.alloc(HEADER_BYTES);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | (found === "fails" ? SERVER_FAILURE : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(items.length, 6);
  const fixed = (data: Buffer): number[] => [0xc0, HEADER_BYTES, ...type, 0, 1, 0, 0, 0, 0, 0, data.length];
  return Buffer.concat([header, question, ...items.flatMap((data) => [Buffer.from(fixed(data)), data])]);
}

/** A TXT record of one string. */
export function textRecord(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}
