/** Messages of 4 MiB that stand for more values than anybody may send: what their bytes repeat, and the type they are read as. */
import { codec, hex } from "./schemas.js";

const UNITS = [
  ["0a 00", "order.Order", "empty strings"],
  ["32 00", "order.Order", "empty sub-messages"],
  ["42 00", "order.Order", "empty map entries"],
  ["92 01 00", "order.Order", "empty bytes values"],
  ["a2 01 00", "order.Order", "merged sub-messages"],
  ["f8 01 01 25 00 00 00 00", "order.Order", "unknown fields between known ones"],
  ["18 07 08 01", "p2.Old", "closed enum numbers without a name"],
] as const;

/** One such message. */
export interface ValueFlood {
  readonly what: string;
  /** Decodes it, which is to be refused. */
  decode(): void;
}

/** All of them, ready to be decoded. */
export function valueFloods(): ValueFlood[] {
  return UNITS.map(([unit, name, what]) => {
    const bytes = Buffer.alloc(4 << 20, Buffer.from(unit.replaceAll(" ", ""), "hex"));
    const whole = bytes.subarray(0, bytes.length - (bytes.length % hex(unit).length));
    const type = codec(name);
    type.decode(type.encode({}));
    return { what, decode: () => void type.decode(whole) };
  });
}
