/**
 * Compiles the decoder of one message type: a loop over tags with a case for each field, and one object literal at its
 * end, so that all messages of a type share one hidden shape.
 *
 * Spec: protobuf.dev, "Encoding" (order of fields, packed and unpacked, last one wins, merging).
 * Laws: a field with another wire type than the schema's is an unknown field; a message that comes twice is merged; the
 * lists and maps a decoder changes are its own, never the shared empty ones.
 */
import { EMPTY_BUFFER, EMPTY_BYTES, EMPTY_LIST, EMPTY_MAP, NO_CASE, unknownFields } from "./absent.js";
import {
  budget,
  joinUnknown,
  keepUnknown,
  keepUnknownNumber,
  MAX_DEPTH,
  missingEndGroup,
  outOfValues,
  overrun,
  readBuffer,
  readBytes,
  readLooseString,
  readString,
  tooDeep,
} from "./decode-values.js";
import type {
  FieldShape,
  Int64Form,
  MessageShape,
  PropertyShape,
  ScalarForms,
  ScalarName,
  ValueShape,
} from "./fields.js";
import { is64Bit, keyOf, quote, scalarWireType, Source } from "./source.js";
import { readFixed64, readInt64, readSfixed64, readSint64, readUint64, safeNumber } from "./varint64.js";
import { readInt32, readUint32 } from "./varint32.js";
import { tagOf, WireType, type WireReader } from "./wire.js";

/** The `endTag` of a message that ends with its bytes, as all but groups do. */
export const NO_END_TAG = -1;

/**
 * Reads a message from the reader's position to `end` (or to `endTag`, for a group). `into` is the same field's earlier
 * value, to be merged with.
 */
export type DecodeMessage = (
  reader: WireReader,
  end: number,
  into: unknown,
  depth: number,
  endTag: number,
) => Record<string, unknown>;

/** Something with a decoder: compiled when it is first called, so that types may refer to each other in circles. */
export interface MessageDecoder {
  read: DecodeMessage;
}

const READ_64: Readonly<Partial<Record<ScalarName, (reader: WireReader) => bigint>>> = {
  int64: readInt64,
  uint64: readUint64,
  sint64: readSint64,
  fixed64: readFixed64,
  sfixed64: readSfixed64,
};

const ZERO_64: Readonly<Record<Int64Form, string>> = { bigint: "0n", string: '"0"', number: "0" };

/** Compiles the decoder for `shape`; `decoderOf` gives that of a message field. */
export function compileDecoder(
  shape: MessageShape,
  decoderOf: (value: Extract<ValueShape, { kind: "message" }>) => MessageDecoder,
): DecodeMessage {
  return new DecoderSource(shape, decoderOf).compile();
}

class DecoderSource {
  readonly #source = new Source();
  readonly #shape: MessageShape;
  readonly #decoderOf: (value: Extract<ValueShape, { kind: "message" }>) => MessageDecoder;
  /** The local variable of each property. */
  readonly #locals = new Map<string, string>();

  constructor(shape: MessageShape, decoderOf: (value: Extract<ValueShape, { kind: "message" }>) => MessageDecoder) {
    this.#shape = shape;
    this.#decoderOf = decoderOf;
    shape.properties.forEach(({ property }, i) => this.#locals.set(property, `f${i}`));
  }

  compile(): DecodeMessage {
    const s = this.#source;
    const B = s.constant(budget);
    s.line("return function decode(r, end, m, d, z) {");
    s.line(`if (--${B}.left < 0) ${s.constant(outOfValues)}();`);
    s.line(`if (d > ${MAX_DEPTH}) ${s.constant(tooDeep)}();`);
    this.#declareLocals();
    s.line("loop: while (r.pos < end) {");
    s.line("s = r.pos; t = r.buf[s];");
    s.line("if (t < 128) r.pos = s + 1; else t = r.tag();");
    s.line("switch (t) {");
    for (const field of this.#shape.fields) this.#field(field);
    s.line("default: if (t === z) { z = -2; break loop; }");
    s.line("r.skipType(t & 7, d, t >>> 3); }");
    this.#keep();
    s.line("}");
    this.#finish();
    return s.compile() as DecodeMessage;
  }

  #declareLocals(): void {
    const s = this.#source;
    s.line("let s, t, v, e, u, us = -1, ue = -1;");
    for (const property of this.#shape.properties)
      s.line(`let ${this.#local(property.property)} = ${this.#initial(property)};`);
    s.line("if (m !== undefined) {");
    for (const { property } of this.#shape.properties) s.line(`${this.#local(property)} = m[${quote(property)}];`);
    s.line(`u = m[${s.constant(unknownFields)}]; }`);
  }

  #local(property: string): string {
    return this.#locals.get(property) as string;
  }

  #initial(shape: PropertyShape): string {
    if (shape.kind === "oneof") return this.#source.constant(NO_CASE);
    const { field } = shape;
    if (field.mapKey !== undefined) return this.#source.constant(EMPTY_MAP);
    if (field.repeated) return this.#source.constant(EMPTY_LIST);
    return field.presence === "implicit" ? this.#default(field.value, field.forms) : "undefined";
  }

  #default(value: ValueShape, forms: ScalarForms): string {
    if (value.kind === "message") return "undefined";
    if (value.kind === "enum") return "0";
    if (is64Bit(value.scalar)) return ZERO_64[forms.int64];
    if (value.scalar === "bool") return "false";
    if (value.scalar === "string") return '""';
    if (value.scalar !== "bytes") return "0";
    return this.#source.constant(forms.bytes === "buffer" ? EMPTY_BUFFER : EMPTY_BYTES);
  }

  /** Adds the bytes since `s` to the run of unknown fields: neighbours are kept in one piece. */
  #keep(): void {
    const keep = this.#source.constant(keepUnknown);
    this.#source.line(`if (ue !== s) { if (us >= 0) u = ${keep}(u, r, us, ue); us = s; }`);
    this.#source.line("ue = r.pos;");
  }

  #finish(): void {
    const s = this.#source;
    s.line(`if (z === -1 ? r.pos !== end : r.pos > end) ${s.constant(overrun)}();`);
    s.line(`if (z >= 0) ${s.constant(missingEndGroup)}();`);
    s.line(`if (us >= 0) u = ${s.constant(keepUnknown)}(u, r, us, ue);`);
    const pairs = this.#shape.properties.map(({ property }) => `${keyOf(property)}: ${this.#local(property)}`);
    s.line(`m = { ${pairs.join(", ")} };`);
    s.line(`if (u !== undefined) m[${s.constant(unknownFields)}] = ${s.constant(joinUnknown)}(u);`);
    s.line("return m; };");
  }

  #field(field: FieldShape): void {
    if (field.mapKey !== undefined) this.#mapField(field);
    else if (field.repeated) this.#repeatedField(field);
    else this.#singleField(field);
  }

  #singleField(field: FieldShape): void {
    const s = this.#source;
    const local = this.#local(field.oneof ?? field.property);
    const key = quote(field.property);
    const set = (value: string): string =>
      field.oneof === undefined ? `${local} = ${value};` : `${local} = { case: ${key}, value: ${value} };`;
    const before = field.oneof === undefined ? local : `${local}.case === ${key} ? ${local}.value : undefined`;
    s.line(`case ${this.#tag(field)}: {`);
    if (field.value.kind === "message") s.line(`${this.#readMessage(field, before)} ${set("v")} continue; }`);
    else if (isClosed(field.value))
      s.line(`v = ${this.#read(field)}; if (${this.#named(field.value)}) { ${set("v")} continue; } break; }`);
    else s.line(`${set(this.#read(field))} continue; }`);
  }

  #repeatedField(field: FieldShape): void {
    const s = this.#source;
    const local = this.#local(field.property);
    const own = `if (${local} === ${s.constant(EMPTY_LIST)}) ${local} = [];`;
    const { value } = field;
    s.line(`case ${this.#tag(field)}: {`);
    if (value.kind === "message")
      s.line(`${this.#readMessage(field, "undefined")} ${own} ${local}.push(v); continue; }`);
    else if (isClosed(value)) {
      s.line(`v = ${this.#read(field)}; if (${this.#named(value)}) { ${own} ${local}.push(v); continue; } break; }`);
    } else s.line(`v = ${this.#read(field)}; ${own} ${local}.push(v); continue; }`);
    if (isPackable(value)) this.#packedField(field, own);
  }

  #packedField(field: FieldShape, own: string): void {
    const s = this.#source;
    const local = this.#local(field.property);
    const { value } = field;
    s.line(`case ${tagOf(field.number, WireType.LEN)}: {`);
    if (value.kind === "scalar" && !is64Bit(value.scalar)) s.line(`${own} r.${value.scalar}s(${local}); continue; }`);
    else if (value.kind === "enum" && !value.enum.closed) s.line(`${own} r.int32s(${local}); continue; }`);
    else {
      s.line(`e = r.size() + r.pos; if (e > end) ${s.constant(overrun)}();`);
      s.line(`while (r.pos < e) { v = ${this.#read(field)};`);
      if (isClosed(value)) {
        s.line(
          `if (!${this.#named(value)}) { u = ${s.constant(keepUnknownNumber)}(u, ${field.number}, v); continue; }`,
        );
      }
      s.line(`${own} ${local}.push(v); }`);
      s.line(`if (r.pos !== e) ${s.constant(overrun)}(); continue; }`);
    }
  }

  #mapField(field: FieldShape): void {
    const s = this.#source;
    const local = this.#local(field.property);
    const { value } = field;
    const key: ValueShape = { kind: "scalar", scalar: field.mapKey as ScalarName };
    const keyField: FieldShape = { ...field, value: key };
    s.line(`case ${tagOf(field.number, WireType.LEN)}: {`);
    s.line(`e = r.size() + r.pos; if (e > end) ${s.constant(overrun)}();`);
    s.line(`if (--${s.constant(budget)}.left < 0) ${s.constant(outOfValues)}();`);
    s.line(`let k = ${this.#default(key, field.forms)}; v = ${this.#default(value, field.forms)};`);
    s.line("while (r.pos < e) { switch (t = r.tag()) {");
    s.line(`case ${tagOf(1, wireTypeOf(key))}: k = ${this.#read(keyField)}; break;`);
    if (value.kind === "message") s.line(`case ${tagOf(2, WireType.LEN)}: { ${this.#readEntryMessage(value)} break; }`);
    else s.line(`case ${tagOf(2, wireTypeOf(value))}: v = ${this.#read(field)}; break;`);
    s.line("default: r.skipType(t & 7, d, t >>> 3); } }");
    s.line(`if (r.pos !== e) ${s.constant(overrun)}();`);
    if (isClosed(value)) s.line(`if (!${this.#named(value)}) break;`);
    s.line(`if (${local} === ${s.constant(EMPTY_MAP)}) ${local} = new Map();`);
    const empty = value.kind === "message" ? this.#emptyMessage(value) : "v";
    s.line(`${local}.set(k, ${empty}); continue; }`);
  }

  #readEntryMessage(value: Extract<ValueShape, { kind: "message" }>): string {
    const s = this.#source;
    const decoder = s.constant(this.#decoderOf(value));
    return `const n = r.size() + r.pos; if (n > e) ${s.constant(overrun)}(); v = ${decoder}.read(r, n, v, d + 1, -1);`;
  }

  /** An entry without a value has the empty message. */
  #emptyMessage(value: Extract<ValueShape, { kind: "message" }>): string {
    const decoder = this.#source.constant(this.#decoderOf(value));
    return `v === undefined ? ${decoder}.read(r, r.pos, undefined, d + 1, -1) : v`;
  }

  /** Statements that read a message, or a group, into `v`. */
  #readMessage(field: FieldShape, before: string): string {
    const s = this.#source;
    const decoder = s.constant(this.#decoderOf(field.value as Extract<ValueShape, { kind: "message" }>));
    if (field.delimited) {
      return `v = ${decoder}.read(r, end, ${before}, d + 1, ${tagOf(field.number, WireType.EGROUP)});`;
    }
    return (
      `e = r.size() + r.pos; if (e > end) ${s.constant(overrun)}(); ` +
      `v = ${decoder}.read(r, e, ${before}, d + 1, ${NO_END_TAG});`
    );
  }

  /** An expression that reads one value that is not a message. */
  #read(field: FieldShape): string {
    const s = this.#source;
    if (field.value.kind !== "scalar") return `${s.constant(readInt32)}(r)`;
    const { scalar } = field.value;
    const read64 = READ_64[scalar];
    if (read64 !== undefined) return this.#inForm(`${s.constant(read64)}(r)`, field.forms.int64);
    if (scalar === "bytes") return `${s.constant(field.forms.bytes === "buffer" ? readBuffer : readBytes)}(r)`;
    if (scalar === "int32" || scalar === "uint32") {
      return `${s.constant(scalar === "int32" ? readInt32 : readUint32)}(r)`;
    }
    if (scalar !== "string") return `r.${scalar}()`;
    if (!field.checkUtf8) return `${s.constant(readLooseString)}(r)`;
    return `${s.constant(readString)}(r, ${quote(`${this.#shape.typeName}.${field.name}`)})`;
  }

  #inForm(bigint: string, form: Int64Form): string {
    if (form === "bigint") return bigint;
    return form === "string" ? `${bigint}.toString()` : `${this.#source.constant(safeNumber)}(${bigint})`;
  }

  #named(value: ValueShape): string {
    return `${this.#source.constant((value as Extract<ValueShape, { kind: "enum" }>).enum.names)}.has(v)`;
  }

  #tag(field: FieldShape): number {
    if (field.value.kind !== "message") return tagOf(field.number, wireTypeOf(field.value));
    return tagOf(field.number, field.delimited ? WireType.SGROUP : WireType.LEN);
  }
}

function wireTypeOf(value: ValueShape): WireType {
  return value.kind === "scalar" ? scalarWireType(value.scalar) : WireType.VARINT;
}

function isClosed(value: ValueShape): boolean {
  return value.kind === "enum" && value.enum.closed;
}

function isPackable(value: ValueShape): boolean {
  return value.kind === "enum" || (value.kind === "scalar" && scalarWireType(value.scalar) !== WireType.LEN);
}
