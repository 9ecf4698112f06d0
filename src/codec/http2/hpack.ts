/**
 * HPACK: the header blocks of one direction of one connection, read in their order on the wire.
 *
 * Spec: RFC 7541 §2.3 (tables), §4 (the dynamic table), §5 (integers, strings), §6 (representations), Appendix A.
 * Laws: every block of a direction goes through one decoder, as each changes what the next one means; a block that cannot be read
 * makes the ones after it unreadable, too; no block makes more of itself than the limit allows.
 */
import { decodeHuffman } from "./huffman.js";

/** How a field was written. `never-indexed` asks everybody on the way not to remember it either. */
export type Representation = "indexed" | "remembered" | "plain" | "never-indexed";

/** A header field. One character of name and value is one byte. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  readonly representation: Representation;
}

interface Entry {
  readonly name: string;
  readonly value: string;
}

/** Appendix A. Most entries have a name alone. */
const STATIC_TABLE: readonly Entry[] = (
  ":authority\n:method=GET\n:method=POST\n:path=/\n:path=/index.html\n:scheme=http\n:scheme=https\n:status=200\n:status=204\n" +
  ":status=206\n:status=304\n:status=400\n:status=404\n:status=500\naccept-charset\naccept-encoding=gzip, deflate\n" +
  "accept-language\naccept-ranges\naccept\naccess-control-allow-origin\nage\nallow\nauthorization\ncache-control\n" +
  "content-disposition\ncontent-encoding\ncontent-language\ncontent-length\ncontent-location\ncontent-range\ncontent-type\n" +
  "cookie\ndate\netag\nexpect\nexpires\nfrom\nhost\nif-match\nif-modified-since\nif-none-match\nif-range\n" +
  "if-unmodified-since\nlast-modified\nlink\nlocation\nmax-forwards\nproxy-authenticate\nproxy-authorization\nrange\n" +
  "referer\nrefresh\nretry-after\nserver\nset-cookie\nstrict-transport-security\ntransfer-encoding\nuser-agent\nvary\nvia\n" +
  "www-authenticate"
)
  .split("\n")
  .map((line) => {
    const [name = "", value = ""] = line.split("=");
    return { name, value };
  });

/** What an entry takes in the table beside its name and value. §4.1. */
const ENTRY_OVERHEAD_BYTES = 32;
/** What SETTINGS_HEADER_TABLE_SIZE is until somebody says otherwise. RFC 9113 §6.5.2. */
export const DEFAULT_TABLE_BYTES = 4096;
/** An integer of more is one that nobody means: no table and no string is that long. */
const MAX_INTEGER = 2 ** 31 - 1;

/** What a decoder can be told. */
export interface HpackOptions {
  /** The largest header list that is made of one block, counted as RFC 9113 §10.5.1 does, in bytes. Default 1 MiB. */
  readonly maxListBytes?: number;
}

/** Reads the header blocks of one direction. */
export class HpackDecoder {
  readonly #maxListBytes: number;
  /** The newest entry is the last one. */
  readonly #entries: Entry[] = [];
  #tableBytes = 0;
  #maxTableBytes = DEFAULT_TABLE_BYTES;
  #allowedTableBytes = DEFAULT_TABLE_BYTES;
  #broken = false;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor({ maxListBytes = 1024 * 1024 }: HpackOptions = {}) {
    this.#maxListBytes = maxListBytes;
  }

  /** The bytes the dynamic table holds, counted as the RFC does. */
  get tableBytes(): number {
    return this.#tableBytes;
  }

  /** What the reader of these blocks said in SETTINGS_HEADER_TABLE_SIZE: the writer may use that much. */
  allowTableBytes(bytes: number): void {
    this.#allowedTableBytes = bytes;
  }

  /**
   * Reads one block: the payloads of a HEADERS or PUSH_PROMISE frame and of the CONTINUATION frames behind it, joined.
   *
   * @throws RangeError for a block that breaks the rules or the limit, and for all blocks after it.
   */
  decode(block: Uint8Array): HeaderField[] {
    if (this.#broken) throw new RangeError("cannot be read, as an earlier header block could not");
    this.#broken = true;
    this.#block = block;
    this.#at = 0;
    const fields: HeaderField[] = [];
    let listBytes = 0;
    while (this.#at < block.length) {
      const field = this.#next(fields.length === 0);
      if (field === undefined) continue;
      listBytes += field.name.length + field.value.length + ENTRY_OVERHEAD_BYTES;
      if (listBytes > this.#maxListBytes) {
        throw new RangeError(`the header list is larger than the limit of ${this.#maxListBytes} bytes`);
      }
      fields.push(field);
    }
    this.#broken = false;
    return fields;
  }

  /** The next field; `undefined` for a change of the table's size. §6. */
  #next(first: boolean): HeaderField | undefined {
    const byte = this.#byte();
    if (byte >= 0x80) return { ...this.#entry(this.#integer(7)), representation: "indexed" };
    if (byte >= 0x40) {
      const entry = this.#literal(6);
      this.#remember(entry);
      return { ...entry, representation: "remembered" };
    }
    if (byte >= 0x20) {
      if (!first) throw new RangeError("a change of the table's size comes behind a field");
      this.#resize(this.#integer(5));
      return undefined;
    }
    return { ...this.#literal(4), representation: byte >= 0x10 ? "never-indexed" : "plain" };
  }

  #literal(prefixBits: number): Entry {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index).name;
    return { name, value: this.#string() };
  }

  #entry(index: number): Entry {
    const entry = STATIC_TABLE[index - 1] ?? this.#entries[this.#entries.length - (index - STATIC_TABLE.length)];
    if (entry === undefined) throw new RangeError(`index ${index} names no entry of the tables`);
    return entry;
  }

  /** §4.4: an entry larger than the table empties it. */
  #remember(entry: Entry): void {
    this.#entries.push(entry);
    this.#tableBytes += entryBytes(entry);
    this.#evict();
  }

  #resize(bytes: number): void {
    if (bytes > this.#allowedTableBytes) {
      throw new RangeError(`the table is to have ${bytes} bytes, ${this.#allowedTableBytes} are allowed`);
    }
    this.#maxTableBytes = bytes;
    this.#evict();
  }

  #evict(): void {
    let evicted = 0;
    while (this.#tableBytes > this.#maxTableBytes) this.#tableBytes -= entryBytes(this.#entries[evicted++] as Entry);
    if (evicted > 0) this.#entries.splice(0, evicted);
  }

  #byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new RangeError("the header block ends in the middle of a field");
    return byte;
  }

  /** §5.1. */
  #integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#byte() & most;
    this.#at++;
    if (value < most) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      this.#at++;
      value += (byte & 0x7f) * scale;
      if (value > MAX_INTEGER || scale > MAX_INTEGER) throw new RangeError("an integer is too large");
      if (byte < 0x80) return value;
    }
  }

  /** §5.2. */
  #string(): string {
    const isHuffman = this.#byte() >= 0x80;
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw new RangeError("the header block ends in the middle of a string");
    const bytes = this.#block.subarray(this.#at, end);
    this.#at = end;
    return isHuffman
      ? decodeHuffman(bytes)
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  }
}

function entryBytes({ name, value }: Entry): number {
  return name.length + value.length + ENTRY_OVERHEAD_BYTES;
}
