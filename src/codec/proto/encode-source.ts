/**
 * Compiles the encoder of one message type: one check and one write for each field, in the order of their numbers.
 *
 * Spec: protobuf.dev, "Encoding", "Field Presence"; "when a message is serialized its known fields should be written
 * sequentially by field number".
 * Laws: an accepted value is written as what it is; anything else throws WrongValue with its path, and never half a
 * number; a default value of a field without presence is not written, -0 is no default.
 */
import { unknownFields } from "./absent.js";
import { MAX_DEPTH } from "./decode-values.js";
import {
  checkEmpty,
  entriesOf,
  listOf,
  within,
  withArticle,
  writeString,
  writeUnknown,
  wrong,
  wrongItem,
} from "./encode-values.js";
import type { FieldShape, MessageShape, PropertyShape, ScalarName, ValueShape } from "./fields.js";
import { is64Bit, quote, scalarWireType, Source } from "./source.js";
import { takeInt64, takeUint64, tookZero, writeFixed64, writeVarint64, writeZigzag64 } from "./varint64.js";
import { tagOf, WireType, type WireWriter } from "./wire.js";

/** Writes a message at the writer's position. @throws WrongValue with the path from this message on. */
export type EncodeMessage = (message: unknown, writer: WireWriter, depth: number) => void;

/** Something with an encoder: compiled when it is first called, so that types may refer to each other in circles. */
export interface MessageEncoder {
  write: EncodeMessage;
}

type MessageValue = Extract<ValueShape, { kind: "message" }>;

/** Names that every object has a property of: only an own property is a field's value. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Compiles the encoder for `shape`; `encoderOf` gives that of a message field. */
export function compileEncoder(shape: MessageShape, encoderOf: (value: MessageValue) => MessageEncoder): EncodeMessage {
  return new EncoderSource(shape, encoderOf).compile();
}

class EncoderSource {
  readonly #indexes = new Map<string, number>();
  readonly #source = new Source();
  readonly #shape: MessageShape;
  readonly #encoderOf: (value: MessageValue) => MessageEncoder;

  constructor(shape: MessageShape, encoderOf: (value: MessageValue) => MessageEncoder) {
    this.#shape = shape;
    shape.properties.forEach(({ property }, i) => this.#indexes.set(property, i));
    this.#encoderOf = encoderOf;
  }

  compile(): EncodeMessage {
    const s = this.#source;
    const name = quote(this.#shape.typeName);
    s.line("return function encode(m, w, d) {");
    s.line('if (typeof m !== "object" || m === null || Array.isArray(m))');
    s.line(`${s.constant(wrong)}(m, "", ${quote(`an object (${this.#shape.typeName})`)});`);
    s.line(`if (d > ${MAX_DEPTH}) ${s.constant(wrong)}(m, "", "nested at most ${MAX_DEPTH} messages deep");`);
    s.line("let v, n, i, l; const s = w.pos;");
    for (const property of this.#shape.properties) if (property.kind === "oneof") this.#oneof(property);
    for (const field of this.#shape.fields.toSorted((a, b) => a.number - b.number)) this.#field(field);
    for (const [wrongName, hint] of this.#misspellings()) {
      s.line(
        `if (m[${quote(wrongName)}] !== undefined && Object.hasOwn(m, ${quote(wrongName)})) ${s.constant(wrong)}(m[${quote(wrongName)}], ${quote(wrongName)}, ${quote(hint)});`,
      );
    }
    s.line(`if (m[${s.constant(unknownFields)}] !== undefined) ${s.constant(writeUnknown)}(m, w);`);
    const known = s.constant(new Set(this.#shape.properties.map(({ property }) => property)));
    s.line(`if (w.pos === s) ${s.constant(checkEmpty)}(m, ${name}, ${known});`);
    s.line("};");
    return s.compile() as EncodeMessage;
  }

  /**
   * Names that mean a field but are not its property: the `.proto`'s spelling, and a member of a oneof beside it. They are
   * refused, as their values would be lost; properties that mean nothing here are the caller's own.
   */
  #misspellings(): Map<string, string> {
    const found = new Map<string, string>();
    const properties = new Set(this.#shape.properties.map(({ property }) => property));
    for (const { name, property, oneof } of this.#shape.fields) {
      const hint = oneof === undefined ? `given as ${property}` : `given as ${oneof}: { case: "${property}", value }`;
      for (const wrongName of [name, property]) {
        if (!properties.has(wrongName) && !INHERITED.has(wrongName)) found.set(wrongName, hint);
      }
    }
    return found;
  }

  #get(property: string): string {
    const key = quote(property);
    return INHERITED.has(property) ? `(Object.hasOwn(m, ${key}) ? m[${key}] : undefined)` : `m[${key}]`;
  }

  /** Finds which member is set: `c<i>` is its field number or 0, `o<i>` its value. */
  #oneof(oneof: Extract<PropertyShape, { kind: "oneof" }>): void {
    const s = this.#source;
    const i = this.#oneofIndex(oneof.property);
    const cases = oneof.members.map((member) => quote(member.property)).join(", ");
    s.line(`let o${i} = ${this.#get(oneof.property)}, c${i} = 0;`);
    s.line(`if (o${i} != null) {`);
    s.line(`if (typeof o${i} !== "object")`);
    s.line(`${s.constant(wrong)}(o${i}, ${quote(oneof.property)}, "an object { case, value }");`);
    s.line(`switch (o${i}.case) {`);
    for (const member of oneof.members) s.line(`case ${quote(member.property)}: c${i} = ${member.number}; break;`);
    s.line("case undefined: case null: break;");
    s.line(
      `default: ${s.constant(wrong)}(o${i}.case, ${quote(`${oneof.property}.case`)}, ${quote(`one of ${cases}`)});`,
    );
    s.line("}");
    s.line(`o${i} = o${i}.value; if (o${i} == null) c${i} = 0; }`);
  }

  #oneofIndex(property: string): number {
    return this.#indexes.get(property) as number;
  }

  #field(field: FieldShape): void {
    const s = this.#source;
    if (field.oneof !== undefined) {
      const i = this.#oneofIndex(field.oneof);
      s.line(`if (c${i} === ${field.number}) { v = o${i};`);
      this.#single(field, `${field.oneof}.value`, true);
      s.line("}");
      return;
    }
    s.line(`v = ${this.#get(field.property)};`);
    if (field.presence === "required") {
      s.line(`if (v == null) ${s.constant(wrong)}(v, ${quote(field.property)}, "present as it is required");`);
    }
    if (field.mapKey !== undefined) this.#map(field, field.mapKey);
    else if (field.repeated) this.#list(field);
    else this.#single(field, field.property, field.presence !== "implicit");
  }

  /** Writes `v`, one value that may be absent. */
  #single(field: FieldShape, path: string, always: boolean): void {
    const s = this.#source;
    if (field.value.kind === "message") {
      s.line(`if (v != null) { ${this.#writeMessage(field, "v", `${s.constant(within)}(x, ${quote(path)})`)} }`);
      return;
    }
    const refuse = `${s.constant(wrong)}(v, ${quote(path)}, ${quote(wanted(field.value))})`;
    const write = `w.uint32(${this.#tag(field)}); ${this.#write(field.value, "v")}`;
    s.line(this.#prepare(field.value, "v"));
    s.line(`if (${this.#accepts(field.value, "v")}) {`);
    s.line(always ? `${write} }` : `if (${this.#differsFromDefault(field.value, "v")}) { ${write} } }`);
    s.line(`else if (v != null) ${refuse};`);
  }

  #list(field: FieldShape): void {
    const s = this.#source;
    const path = quote(field.property);
    const { value } = field;
    const items = quote(`an iterable of ${plural(value)}`);
    s.line(`if (v != null) { l = ${s.constant(listOf)}(v, ${path}, ${items});`);
    if (value.kind === "message") {
      s.line("for (i = 0; i < l.length; i++) {");
      s.line(`${this.#writeMessage(field, "l[i]", `${s.constant(within)}(x, ${path}, i)`)} }`);
      s.line("}");
      return;
    }
    const refuse = `${s.constant(wrongItem)}(v, ${path}, i, ${quote(wanted(value))})`;
    const check = `v = l[i]; ${this.#prepare(value, "v")} if (!(${this.#accepts(value, "v")})) ${refuse};`;
    const loop = (body: string): string => `for (i = 0; i < l.length; i++) { ${check} ${body} }`;
    if (!field.packed) s.line(loop(`w.uint32(${this.#tag(field)}); ${this.#write(value, "v")}`));
    else {
      s.line("if (l.length !== 0) {");
      const tag = tagOf(field.number, WireType.LEN);
      if (value.kind === "scalar" && !is64Bit(value.scalar)) {
        s.line(`${loop("")} w.uint32(${tag}).${value.scalar}s(l);`);
      } else s.line(`w.uint32(${tag}).fork(); ${loop(this.#write(value, "v"))} w.ldelim();`);
      s.line("}");
    }
    s.line("}");
  }

  #map(field: FieldShape, keyType: ScalarName): void {
    const s = this.#source;
    const path = quote(field.property);
    const key: ValueShape = { kind: "scalar", scalar: keyType };
    const { value } = field;
    s.line(`if (v != null) for (const [k, x] of ${s.constant(entriesOf)}(v, ${path}, ${quote(keyType)})) {`);
    s.line(`w.uint32(${tagOf(field.number, WireType.LEN)}).fork();`);
    s.line(`if (!(${this.#accepts(key, "k")}))`);
    s.line(`${s.constant(wrongItem)}(k, ${path}, k, ${quote(`keyed by ${wanted(key)}`)});`);
    s.line(`w.uint32(${tagOf(1, scalarWireType(keyType))}); ${this.#write(key, "k")}`);
    if (value.kind === "message") {
      const entry: FieldShape = { ...field, number: 2, delimited: false };
      s.line(`v = x; ${this.#writeMessage(entry, "v", `${s.constant(within)}(x, ${path}, k)`)}`);
    } else {
      const refuse = `${s.constant(wrongItem)}(x, ${path}, k, ${quote(wanted(value))})`;
      s.line(`${this.#prepare(value, "x")} if (!(${this.#accepts(value, "x")})) ${refuse};`);
      s.line(`w.uint32(${tagOf(2, wireTypeOf(value))}); ${this.#write(value, "x")}`);
    }
    s.line("w.ldelim(); }");
  }

  /** Statements that write a message, or a group; `rethrow` names this field in an error from inside. */
  #writeMessage(field: FieldShape, value: string, rethrow: string): string {
    const encoder = this.#source.constant(this.#encoderOf(field.value as MessageValue));
    const tag = this.#tag(field);
    const write = field.delimited
      ? `${encoder}.write(${value}, w.uint32(${tag}), d + 1); w.uint32(${tagOf(field.number, WireType.EGROUP)});`
      : `${encoder}.write(${value}, w.uint32(${tag}).fork(), d + 1); w.ldelim();`;
    return `try { ${write} } catch (x) { throw ${rethrow}; }`;
  }

  /** Sets `n` to an enum's number, which may be given by its name. */
  #prepare(value: ValueShape, name: string): string {
    if (value.kind !== "enum") return "";
    return `n = typeof ${name} === "string" ? ${this.#source.constant(value.enum.numbers)}.get(${name}) : ${name};`;
  }

  /** A condition: the value may be written. For 64-bit types it takes the value as well. */
  #accepts(value: ValueShape, name: string): string {
    const s = this.#source;
    if (value.kind === "enum") {
      const number = 'typeof n === "number" && (n | 0) === n';
      return value.enum.closed ? `${number} && ${s.constant(value.enum.names)}.has(n)` : number;
    }
    switch ((value as Extract<ValueShape, { kind: "scalar" }>).scalar) {
      case "int32":
      case "sint32":
      case "sfixed32":
        return `typeof ${name} === "number" && (${name} | 0) === ${name}`;
      case "uint32":
      case "fixed32":
        return `typeof ${name} === "number" && ${name} >>> 0 === ${name}`;
      case "double":
        return `typeof ${name} === "number"`;
      case "float":
        return `typeof ${name} === "number" && (Number.isFinite(Math.fround(${name})) || !Number.isFinite(${name}))`;
      case "bool":
        return `typeof ${name} === "boolean"`;
      case "string":
        return `typeof ${name} === "string"`;
      case "bytes":
        return `${name} instanceof Uint8Array`;
      case "uint64":
      case "fixed64":
        return `${s.constant(takeUint64)}(${name})`;
      default:
        return `${s.constant(takeInt64)}(${name})`;
    }
  }

  #differsFromDefault(value: ValueShape, name: string): string {
    if (value.kind === "enum") return "n !== 0";
    const { scalar } = value as Extract<ValueShape, { kind: "scalar" }>;
    if (is64Bit(scalar)) return `!${this.#source.constant(tookZero)}()`;
    if (scalar === "bool") return name;
    if (scalar === "string" || scalar === "bytes") return `${name}.length !== 0`;
    return scalar === "double" || scalar === "float" ? `!Object.is(${name}, 0)` : `${name} !== 0`;
  }

  /** A statement that writes the value, accepted just before. */
  #write(value: ValueShape, name: string): string {
    const s = this.#source;
    if (value.kind === "enum") return "w.int32(n);";
    const { scalar } = value as Extract<ValueShape, { kind: "scalar" }>;
    if (scalar === "string") return `${s.constant(writeString)}(w, ${name});`;
    if (!is64Bit(scalar)) return `w.${scalar}(${name});`;
    const write = scalar.includes("fixed") ? writeFixed64 : scalar === "sint64" ? writeZigzag64 : writeVarint64;
    // Writing the tag does not touch the value taken: it lies in the scratch of varint64.ts.
    return `${s.constant(write)}(w);`;
  }

  #tag(field: FieldShape): number {
    if (field.value.kind !== "message") return tagOf(field.number, wireTypeOf(field.value));
    return tagOf(field.number, field.delimited ? WireType.SGROUP : WireType.LEN);
  }
}

function wireTypeOf(value: ValueShape): WireType {
  return value.kind === "scalar" ? scalarWireType(value.scalar) : WireType.VARINT;
}

/** What a value should have been, for an error. */
function wanted(value: ValueShape): string {
  if (value.kind === "message") return `an object (${value.message})`;
  if (value.kind === "enum") {
    const name = value.enum.typeName.slice(value.enum.typeName.lastIndexOf(".") + 1);
    return `${withArticle(name)} (number or name)`;
  }
  return WANTED[value.scalar];
}

const INT32 = "an integer from -2147483648 to 2147483647";
const UINT32 = "an integer from 0 to 4294967295";
const INT64 = "a bigint, safe integer or decimal string from -2^63 to 2^63-1";
const UINT64 = "a bigint, safe integer or decimal string from 0 to 2^64-1";

const WANTED: Readonly<Record<ScalarName, string>> = {
  double: "a number",
  float: "a number in the range of a 32-bit float",
  int32: INT32,
  sint32: INT32,
  sfixed32: INT32,
  uint32: UINT32,
  fixed32: UINT32,
  int64: INT64,
  sint64: INT64,
  sfixed64: INT64,
  uint64: UINT64,
  fixed64: UINT64,
  bool: "a boolean",
  string: "a string",
  bytes: "a Uint8Array",
};

function plural(value: ValueShape): string {
  if (value.kind === "message") return `objects (${value.message})`;
  if (value.kind === "enum") return `${value.enum.typeName} numbers or names`;
  return `${value.scalar} values`;
}
