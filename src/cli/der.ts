/**
 * DER: the values of ASN.1 as bytes, each function named for the type it writes.
 *
 * Spec: X.690 §8, §10, §11 (tag, length, contents); RFC 5280 §4.1.2.5 (which of the two times).
 * Laws: only the forms a certificate needs; what a function cannot write rightly it refuses.
 */

const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** Set in the tag of a value that takes its meaning from where it stands, not from its type. */
const CONTEXT = 0x80;
/** Set in the tag of a value that is made of values. */
const CONSTRUCTED = 0x20;

export function sequence(...values: readonly Uint8Array[]): Uint8Array {
  return value(TAG.SEQUENCE, Buffer.concat(values));
}

/** A SET with one element; more would have to be sorted by their bytes (X.690 §11.6). */
export function setOf(element: Uint8Array): Uint8Array {
  return value(TAG.SET, element);
}

export function boolean(truth: boolean): Uint8Array {
  return value(TAG.BOOLEAN, Uint8Array.of(truth ? 0xff : 0x00));
}

/** A number from its bytes, most significant first, and never negative. */
export function integer(bigEndian: Uint8Array): Uint8Array {
  const first = bigEndian.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Uint8Array.of(0) : bigEndian.subarray(first);
  // The highest bit is the sign.
  return value(TAG.INTEGER, (digits[0] ?? 0) < 0x80 ? digits : Buffer.concat([Uint8Array.of(0), digits]));
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return value(TAG.OCTET_STRING, bytes);
}

/** Bits that fill whole bytes. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return value(TAG.BIT_STRING, Buffer.concat([Uint8Array.of(0), bytes]));
}

/** Bits that have names, by their numbers from 0 to 7: "trailing zero bits" are left off (X.690 §11.2.2). */
export function namedBits(...numbers: readonly number[]): Uint8Array {
  const last = Math.max(...numbers);
  if (!(last <= 7)) throw new RangeError(`Cannot write the bits ${numbers.join(", ")} as they must be 0 to 7`);
  const byte = numbers.reduce((bits, number) => bits | (0x80 >> number), 0);
  return value(TAG.BIT_STRING, Uint8Array.of(7 - last, byte));
}

/** An identifier as it is written in documents: `"2.5.29.17"`. */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return value(TAG.OBJECT_IDENTIFIER, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** Seven bits a byte, the most significant first, and the highest bit says that more follow. */
function base128(number: number): number[] {
  const bytes = [number & 0x7f];
  for (let left = number >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}

export function utf8String(text: string): Uint8Array {
  return value(TAG.UTF8_STRING, Buffer.from(text, "utf8"));
}

/** A moment to the second, in UTC: "dates through the year 2049 as UTCTime; in 2050 or later as GeneralizedTime". */
export function time(moment: Date): Uint8Array {
  const year = moment.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) throw new RangeError(`Cannot write a time of the year ${year}`);
  const digits = `${moment
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replaceAll(/\D/g, "")}Z`;
  return year < 2050
    ? value(TAG.UTC_TIME, Buffer.from(digits.slice(2), "ascii"))
    : value(TAG.GENERALIZED_TIME, Buffer.from(digits, "ascii"));
}

/** `[number] IMPLICIT` of a type that is not made of values: the number stands in place of the type. */
export function implicit(number: number, contents: Uint8Array): Uint8Array {
  return value(CONTEXT | number, contents);
}

/** `[number] EXPLICIT`: around a whole value. */
export function explicit(number: number, inner: Uint8Array): Uint8Array {
  return value(CONTEXT | CONSTRUCTED | number, inner);
}

function value(tag: number, contents: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(tag, ...length(contents.length)), contents]);
}

/** Up to 127 in one byte; longer ones in as few bytes as it takes, behind one that counts them (X.690 §10.1). */
function length(size: number): number[] {
  if (size < 0x80) return [size];
  const bytes: number[] = [];
  for (let left = size; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  return [0x80 | bytes.length, ...bytes];
}
