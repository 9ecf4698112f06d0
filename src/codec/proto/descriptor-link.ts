/**
 * Links files that have been read: finds what every name stands for, and completes what follows from it.
 *
 * Spec: protobuf.dev, "Language Guide", "Packages and Name Resolution"; descriptor.proto.
 * Laws: a file sees itself, what it imports, and what that imports publicly; type names come out absolute, with a dot in
 * front.
 */
import {
  FieldType,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from "./descriptor-model.js";
import { join } from "./descriptor-text.js";
import { camelCase } from "./fields.js";

/** What a full name stands for. Packages, messages, enums and services have further names within them. */
export type Symbol =
  | { readonly kind: "package" | "service" }
  | { readonly kind: "message"; readonly message: DescriptorProto; readonly file: FileDescriptorProto }
  | { readonly kind: "enum"; readonly enum: EnumDescriptorProto }
  | { readonly kind: "extension"; readonly field: FieldDescriptorProto; readonly file: FileDescriptorProto };

/** The symbols of a set of files. */
export class Linker {
  readonly #files = new Map<string, FileDescriptorProto>();
  readonly #symbols = new Map<string, Map<string, Symbol>>();
  readonly #visible = new Map<FileDescriptorProto, readonly Map<string, Symbol>[]>();

  /** Adds a file; those it imports may come later. */
  add(file: FileDescriptorProto): void {
    this.#files.set(file.name, file);
    const symbols = new Map<string, Symbol>();
    this.#symbols.set(file.name, symbols);
    const parts = (file.package ?? "").split(".");
    for (let i = 1; i <= parts.length; i++) symbols.set(parts.slice(0, i).join("."), { kind: "package" });
    const scope = file.package ?? "";
    addTypes(symbols, file, scope, file.messageType, file.enumType, file.extension);
    for (const { name } of file.service) symbols.set(join(scope, name), { kind: "service" });
  }

  /** Resolves every name of a file. @throws Error naming what stands for nothing. */
  link(file: FileDescriptorProto): void {
    const scope = file.package ?? "";
    for (const message of file.messageType) this.#linkMessage(file, join(scope, message.name), message);
    for (const field of file.extension) this.#linkField(file, scope, field);
    for (const service of file.service) {
      const fullName = join(scope, service.name);
      for (const method of service.method) {
        method.inputType = this.#typeName(file, join(fullName, method.name), method.inputType);
        method.outputType = this.#typeName(file, join(fullName, method.name), method.outputType);
      }
    }
  }

  #linkMessage(file: FileDescriptorProto, fullName: string, message: DescriptorProto): void {
    for (const field of message.field) this.#linkField(file, fullName, field);
    for (const field of message.extension) this.#linkField(file, fullName, field);
    for (const nested of message.nestedType) this.#linkMessage(file, join(fullName, nested.name), nested);
  }

  #linkField(file: FileDescriptorProto, scope: string, field: FieldDescriptorProto): void {
    field.jsonName ??= camelCase(field.name);
    if (field.extendee !== undefined) field.extendee = this.#typeName(file, scope, field.extendee);
    if (field.typeName !== undefined) {
      field.typeName = this.#typeName(file, scope, field.typeName);
      const isEnum = this.find(file, field.typeName.slice(1))?.kind === "enum";
      field.type ??= isEnum ? FieldType.ENUM : FieldType.MESSAGE;
    }
    if (field.defaultValue !== undefined) field.defaultValue = formatDefault(field.type ?? 0, field.defaultValue);
  }

  #typeName(file: FileDescriptorProto, scope: string, name: string): string {
    const isType = ({ kind }: Symbol): boolean => kind === "message" || kind === "enum";
    const found = this.resolve(file, scope, name, isType);
    if (found === undefined) throw new Error(`Cannot describe ${file.name} as no file it imports declares ${name}`);
    return `.${found}`;
  }

  /**
   * The full name that `name` stands for within `scope`: the innermost scope that has its first part decides, so that the rest
   * is not looked for further out.
   */
  resolve(
    file: FileDescriptorProto,
    scope: string,
    name: string,
    isWanted: (symbol: Symbol) => boolean,
  ): string | undefined {
    if (name.startsWith(".")) return this.find(file, name.slice(1)) === undefined ? undefined : name.slice(1);
    const first = name.split(".", 1)[0] as string;
    for (let at = scope; ; at = at.slice(0, Math.max(at.lastIndexOf("."), 0))) {
      const symbol = this.find(file, join(at, first));
      if (symbol !== undefined && first === name && isWanted(symbol)) return join(at, name);
      if (symbol !== undefined && first !== name && symbol.kind !== "extension") {
        return this.find(file, join(at, name)) === undefined ? undefined : join(at, name);
      }
      if (at === "") return undefined;
    }
  }

  /** What a full name stands for in the files that `file` sees. A package may be in several: any other meaning goes first. */
  find(file: FileDescriptorProto, fullName: string): Symbol | undefined {
    let found: Symbol | undefined;
    for (const symbols of this.#seenBy(file)) {
      const symbol = symbols.get(fullName);
      if (symbol !== undefined && (found === undefined || found.kind === "package")) found = symbol;
    }
    return found;
  }

  /** What a full name stands for in any of the files. */
  findAnywhere(fullName: string): Symbol | undefined {
    for (const symbols of this.#symbols.values()) {
      const symbol = symbols.get(fullName);
      if (symbol !== undefined && symbol.kind !== "package") return symbol;
    }
    return undefined;
  }

  #seenBy(file: FileDescriptorProto): readonly Map<string, Symbol>[] {
    let visible = this.#visible.get(file);
    if (visible !== undefined) return visible;
    const names = new Set([file.name]);
    for (const name of [...file.dependency, ...file.optionDependency]) this.#addPublic(name, names);
    visible = [...names].flatMap((name) => this.#symbols.get(name) ?? []);
    this.#visible.set(file, visible);
    return visible;
  }

  #addPublic(name: string, names: Set<string>): void {
    if (names.has(name)) return;
    names.add(name);
    const file = this.#files.get(name);
    for (const index of file?.publicDependency ?? []) this.#addPublic(file?.dependency[index] ?? "", names);
  }
}

function addTypes(
  symbols: Map<string, Symbol>,
  file: FileDescriptorProto,
  scope: string,
  messages: readonly DescriptorProto[],
  enums: readonly EnumDescriptorProto[],
  extensions: readonly FieldDescriptorProto[],
): void {
  for (const message of messages) {
    const fullName = join(scope, message.name);
    symbols.set(fullName, { kind: "message", message, file });
    addTypes(symbols, file, fullName, message.nestedType, message.enumType, message.extension);
  }
  for (const one of enums) symbols.set(join(scope, one.name), { kind: "enum", enum: one });
  for (const field of extensions) symbols.set(join(scope, field.name), { kind: "extension", field, file });
}

/** "For numeric types, contains the original text representation of the value … For bytes, contains the C escaped value". */
function formatDefault(type: number, text: string): string {
  switch (type) {
    case 1:
    case 2:
      return formatFloat(type, text);
    case 8:
    case FieldType.ENUM:
      return text;
    case 9:
      return Buffer.from(text, "latin1").toString();
    case 12:
      return escapeBytes(text);
    default:
      return parseInteger(text).toString();
  }
}

/** A whole number as a `.proto` writes it. @throws SyntaxError when it is none. */
export function parseInteger(text: string): bigint {
  const digits = text.replace(/^-/, "");
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return text.startsWith("-") ? -value : value;
}

/** A number that may have a fraction, or be `inf` or `nan`. */
export function parseFloating(text: string): number {
  const digits = text.replace(/^-/, "").toLowerCase();
  const sign = text.startsWith("-") ? -1 : 1;
  if (digits === "inf" || digits === "infinity") return sign * Infinity;
  if (digits === "nan") return NaN;
  if (/^(?:0x[0-9a-f]+|[0-9]+)$/.test(digits)) return sign * Number(parseInteger(digits));
  return sign * Number.parseFloat(digits);
}

function formatFloat(type: number, text: string): string {
  const value = type === 2 ? Math.fround(parseFloating(text)) : parseFloating(text);
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (Object.is(value, -0)) return "-0";
  // The digits that every decimal number survives with, or else those that every binary one does.
  const [short, long] = type === 2 ? [6, 9] : [15, 17];
  const shown = formatDigits(value, short);
  const isSame = type === 2 ? Math.fround(Number(shown)) === value : Number(shown) === value;
  return isSame ? shown : formatDigits(value, long);
}

/** As C's `%g` has it, which is what compilers write: at most so many digits, and an exponent of two digits at least. */
function formatDigits(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e") as [string, string];
  const withoutZeros = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  const power = Number(exponent);
  if (power >= -4 && power < digits) return withoutZeros(value.toFixed(digits - 1 - power));
  return `${withoutZeros(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "'": "\\'",
  "\\": "\\\\",
};

function escapeBytes(text: string): string {
  return text.replace(
    /[^\x20-\x7e]|["'\\]/g,
    (char) => NAMED_ESCAPES[char] ?? `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}
