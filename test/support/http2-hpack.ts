/**
 * Header blocks for the scripted peer: written as plain literals, read in every form there is.
 *
 * Spec: RFC 7541 §5 (integers, strings), §6 (representations), Appendix A (static table), Appendix B (Huffman code).
 * Laws: shares nothing with the runtime, so that a mistake there is not made here as well.
 */

/** A header field, with names and values as latin1 text: one character a byte. */
export type Field = readonly [name: string, value: string];

const STATIC_TABLE: readonly Field[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ...(
    "accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control " +
    "content-disposition content-encoding content-language content-length content-location content-range content-type " +
    "cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since " +
    "last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after " +
    "server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate"
  )
    .split(" ")
    .map((name): Field => [name, ""]),
];

/** What is added to name and value when the size of an entry is counted (RFC 7541 §4.1). */
const ENTRY_OVERHEAD = 32;
const DEFAULT_TABLE_BYTES = 4096;

/** Writes fields as literals without indexing, without Huffman, without a table. */
export function encodeFields(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), encodeString(name), encodeString(value)]));
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([encodeInteger(bytes.length, 7), bytes]);
}

function encodeInteger(value: number, prefixBits: number): Buffer {
  const most = 2 ** prefixBits - 1;
  if (value < most) return Buffer.of(value);
  const bytes = [most];
  let left = value - most;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  bytes.push(left);
  return Buffer.from(bytes);
}

/** How a field was written, which says whether intermediaries may remember it. */
export type Representation = "indexed" | "remembered" | "plain" | "never-indexed";

/** Reads the header blocks of one direction of one connection, in their order on the wire. */
export class HpackDecoder {
  readonly #entries: Field[] = [];
  #maxBytes = DEFAULT_TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** How each field of the last block was written. */
  representations: Representation[] = [];

  decode(block: Buffer): Field[] {
    this.#block = block;
    this.#at = 0;
    this.representations = [];
    const fields: Field[] = [];
    while (this.#at < block.length) {
      const first = this.#peek();
      if (first >= 0x80) this.#add(fields, "indexed", this.#entry(this.#integer(7)));
      else if (first >= 0x40) this.#remember(this.#add(fields, "remembered", this.#literal(6)));
      else if (first >= 0x20) this.#resize(this.#integer(5));
      else this.#add(fields, first >= 0x10 ? "never-indexed" : "plain", this.#literal(4));
    }
    return fields;
  }

  #add(fields: Field[], representation: Representation, field: Field): Field {
    fields.push(field);
    this.representations.push(representation);
    return field;
  }

  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #entry(index: number): Field {
    const field = STATIC_TABLE[index - 1] ?? this.#entries[index - 1 - STATIC_TABLE.length];
    if (field === undefined) throw new Error(`HPACK index ${index} names nothing`);
    return field;
  }

  #remember(field: Field): void {
    this.#entries.unshift(field);
    this.#evict();
  }

  #resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict();
  }

  #evict(): void {
    let bytes = 0;
    const kept = this.#entries.findIndex(([name, value]) => {
      bytes += name.length + value.length + ENTRY_OVERHEAD;
      return bytes > this.#maxBytes;
    });
    if (kept >= 0) this.#entries.length = kept;
  }

  #peek(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new Error("HPACK block ends in the middle of a field");
    return byte;
  }

  #integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#peek() & most;
    this.#at++;
    if (value < most) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#peek();
      this.#at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  #string(): string {
    const huffman = this.#peek() >= 0x80;
    const length = this.#integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error("HPACK block ends in the middle of a string");
    this.#at += length;
    return huffman ? decodeHuffman(bytes) : bytes.toString("latin1");
  }
}

/**
 * The symbols of each code length. The code is canonical: within a length the codes count up in the order of the symbols,
 * so the lengths alone give every code.
 */
const SYMBOLS_BY_LENGTH: ReadonlyMap<number, readonly number[]> = new Map(
  Object.entries({
    5: "48-50 97 99 101 105 111 115-116",
    6: "32 37 45-47 51-57 61 65 95 98 100 102-104 108-110 112 114 117",
    7: "58 66-87 89 106-107 113 118-122",
    8: "38 42 44 59 88 90",
    10: "33-34 40-41 63",
    11: "39 43 124",
    12: "35 62",
    13: "0 36 64 91 93 126",
    14: "94 125",
    15: "60 96 123",
    19: "92 195 208",
    20: "128 130-131 162 184 194 224 226",
    21: "153 161 167 172 176-177 179 209 216-217 227 229-230",
    22: "129 132-134 136 146 154 156 160 163-164 169-170 173 178 181 185-187 189-190 196 198 228 232-233",
    23: "1 135 137-141 143 147 149-152 155 157-158 165-166 168 174-175 180 182-183 188 191 197 231 239",
    24: "9 142 144-145 148 159 171 206 215 225 236-237",
    25: "199 207 234-235",
    26: "192-193 200-202 205 210 213 218-219 238 240 242-243 255",
    27: "203-204 211-212 214 221-223 241 244-248 250-254",
    28: "2-8 11-12 14-21 23-31 127 220 249",
    30: "10 13 22 256",
  }).map(([length, symbols]) => [Number(length), symbols.split(" ").flatMap(range)]),
);

function range(text: string): number[] {
  const [first = 0, last = first] = text.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

const SYMBOL_BY_CODE: ReadonlyMap<string, number> = huffmanCodes();

function huffmanCodes(): Map<string, number> {
  const codes = new Map<string, number>();
  let code = 0;
  for (let length = 5; length <= 30; length++) {
    for (const symbol of SYMBOLS_BY_LENGTH.get(length) ?? [])
      codes.set((code++).toString(2).padStart(length, "0"), symbol);
    code *= 2;
  }
  return codes;
}

function decodeHuffman(bytes: Buffer): string {
  let text = "";
  let code = "";
  for (const byte of bytes) {
    for (const bit of byte.toString(2).padStart(8, "0")) {
      code += bit;
      const symbol = SYMBOL_BY_CODE.get(code);
      if (symbol === undefined) continue;
      text += String.fromCharCode(symbol);
      code = "";
    }
  }
  // "padding … the most significant bits of the code for the EOS symbol", which are ones, and fewer than eight.
  if (code.length > 7 || code.includes("0")) throw new Error("HPACK string ends in the middle of a character");
  return text;
}
