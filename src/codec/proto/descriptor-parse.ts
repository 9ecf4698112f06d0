/**
 * Reads a `.proto` text into the descriptor of its file, with comments. Names are still as they are written, and options not
 * understood: `descriptor-link.ts` does the rest.
 *
 * Spec: protobuf.dev, "Language Specification" (proto2, proto3, editions); descriptor.proto, SourceCodeInfo.
 * Laws: the order of the text is kept; nothing of it is lost; a text that is no `.proto` is an error with its line. What a
 * compiler would refuse for its meaning is not looked for: the codecs have been made from the same text.
 */
import {
  EDITIONS,
  FIELD_TYPES,
  FieldType,
  Label,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  type ServiceDescriptorProto,
} from "./descriptor-model.js";
import { DescriptorPaths, Path } from "./descriptor-path.js";
import {
  expect,
  readFullName,
  readName,
  readOption,
  readString,
  take,
  wanted,
  type OptionStatement,
} from "./descriptor-option.js";
import { Tokens } from "./descriptor-tokens.js";

/** Options as they are written, and what they belong to. */
export interface OptionsOf {
  /** Gets the property `options`. */
  readonly owner: { options?: object | undefined };
  /** The message they are fields of, such as `"google.protobuf.FileOptions"`. */
  readonly typeName: string;
  /** Where names of extensions are looked up: a full name, or `""`. */
  readonly scope: string;
  readonly statements: readonly { readonly option: OptionStatement; readonly location: number[] | undefined }[];
}

/** A file that has been read but not linked. */
export interface ParsedProto {
  readonly file: FileDescriptorProto;
  readonly options: readonly OptionsOf[];
  /** Gives the options' locations the paths that are known once the options are. */
  readonly paths: DescriptorPaths;
}

const MAX_FIELD_NUMBER = 536_870_911;
const MAX_INT32 = 2_147_483_647;
const MAX_DEPTH = 100;

/** Reads the text of the file that imports know as `name`. @throws Error naming the line when it is no `.proto`. */
export function parseDescriptor(name: string, text: string): ParsedProto {
  return new DescriptorParser(name, text).parse();
}

/** A message being read, or the file: what fields, types and extensions are added to. */
interface Scope {
  readonly fullName: string;
  readonly path: readonly number[];
  readonly messages: DescriptorProto[];
  readonly enums: EnumDescriptorProto[];
  readonly extensions: FieldDescriptorProto[];
  /** The numbers of these three lists in the descriptor. */
  readonly numbers: { readonly messages: number; readonly enums: number; readonly extensions: number };
  readonly depth: number;
}

class DescriptorParser {
  readonly #tokens: Tokens;
  readonly #paths: DescriptorPaths;
  readonly #file: FileDescriptorProto;
  readonly #options: OptionsOf[] = [];
  readonly #byOwner = new Map<object, { option: OptionStatement; location: number[] | undefined }[]>();

  constructor(name: string, text: string) {
    this.#tokens = new Tokens(text);
    this.#paths = new DescriptorPaths(this.#tokens);
    this.#file = {
      name,
      dependency: [],
      publicDependency: [],
      weakDependency: [],
      optionDependency: [],
      messageType: [],
      enumType: [],
      service: [],
      extension: [],
      sourceCodeInfo: { location: [] },
    };
  }

  parse(): ParsedProto {
    this.#paths.start();
    while (this.#tokens.current.kind !== "end") this.#statement();
    return { file: this.#file, options: this.#options, paths: this.#paths };
  }

  get #isProto3(): boolean {
    return this.#file.syntax === "proto3";
  }

  #statement(): void {
    const { text } = this.#tokens.current;
    switch (text) {
      case ";":
        this.#paths.endWithout();
        return;
      case "syntax":
      case "edition":
        this.#syntax(text);
        return;
      case "package":
        this.#package();
        return;
      case "import":
        this.#import();
        return;
      case "option":
        this.#option(this.#file, "google.protobuf.FileOptions", this.#file.package ?? "", [Path.file.options]);
        return;
      case "service":
        this.#service();
        return;
      default:
        if (!this.#declaration(this.#fileScope())) throw wanted(this.#tokens, "a declaration");
    }
  }

  #fileScope(): Scope {
    const { messageType, enumType, extension } = this.#file;
    return {
      fullName: this.#file.package ?? "",
      path: [],
      messages: messageType,
      enums: enumType,
      extensions: extension,
      numbers: { messages: Path.file.messageType, enums: Path.file.enumType, extensions: Path.file.extension },
      depth: 0,
    };
  }

  #syntax(keyword: "syntax" | "edition"): void {
    const location = this.#paths.open([Path.file.syntax]);
    this.#tokens.next();
    expect(this.#tokens, "=");
    const said = this.#text();
    if (keyword === "edition") {
      this.#file.syntax = "editions";
      this.#file.edition = EDITIONS.get(said);
      if (this.#file.edition === undefined) throw this.#tokens.error(`edition ${JSON.stringify(said)} is not known`);
    } else if (said === "proto3") this.#file.syntax = said;
    else if (EDITIONS.has(said)) throw this.#tokens.error(`${said} is an edition and no syntax`);
    location.end(";");
  }

  #package(): void {
    const location = this.#paths.open([Path.file.package]);
    this.#tokens.next();
    this.#file.package = readFullName(this.#tokens);
    location.end(";");
  }

  #import(): void {
    const file = this.#file;
    const start = this.#tokens.current;
    this.#tokens.next();
    const { text } = this.#tokens.current;
    const isOption = text === "option";
    if (isOption || text === "public" || text === "weak") this.#tokens.next();
    const list = isOption ? file.optionDependency : file.dependency;
    const number = isOption ? Path.file.optionDependency : Path.file.dependency;
    const location = this.#paths.open([number, list.length], start);
    if (text === "public") file.publicDependency.push(list.length);
    if (text === "weak") file.weakDependency.push(list.length);
    list.push(this.#text());
    location.end(";");
  }

  /** `message`, `enum` or `extend`. */
  #declaration(scope: Scope): boolean {
    const start = this.#tokens.current;
    let visibility: number | undefined;
    if ((start.text === "export" || start.text === "local") && (this.#file.edition ?? 0) >= 1001) {
      visibility = start.text === "export" ? 2 : 1;
      this.#tokens.next();
    }
    const { text } = this.#tokens.current;
    if (text === "message") this.#message(scope, start, visibility);
    else if (text === "enum") this.#enum(scope, start, visibility);
    else if (text === "extend") this.#extend(scope);
    else return false;
    return true;
  }

  #message(scope: Scope, start: Tokens["current"], visibility: number | undefined): void {
    this.#tokens.next();
    const message = newMessage(readName(this.#tokens));
    if (visibility !== undefined) message.visibility = visibility;
    const path = [...scope.path, scope.numbers.messages, scope.messages.length];
    scope.messages.push(message);
    const location = this.#paths.open(path, start);
    this.#messageBody(message, scope, path, location);
  }

  #messageBody(
    message: DescriptorProto,
    outer: Scope,
    path: readonly number[],
    location: ReturnType<DescriptorPaths["open"]>,
  ): void {
    if (outer.depth >= MAX_DEPTH) throw this.#tokens.error(`messages are at most ${MAX_DEPTH} deep`);
    const scope: Scope = {
      fullName: join(outer.fullName, message.name),
      path,
      messages: message.nestedType,
      enums: message.enumType,
      extensions: message.extension,
      numbers: { messages: Path.message.nestedType, enums: Path.message.enumType, extensions: Path.message.extension },
      depth: outer.depth + 1,
    };
    location.end("{");
    while (this.#tokens.current.text !== "}") this.#messageStatement(message, scope);
    location.close();
    if (this.#isProto3) addSyntheticOneofs(message);
  }

  #messageStatement(message: DescriptorProto, scope: Scope): void {
    const { text } = this.#tokens.current;
    switch (text) {
      case ";":
        this.#paths.endWithout();
        return;
      case "option":
        this.#option(message, "google.protobuf.MessageOptions", scope.fullName, [...scope.path, Path.message.options]);
        return;
      case "oneof":
        this.#oneof(message, scope);
        return;
      case "extensions":
        this.#extensions(message, scope);
        return;
      case "reserved":
        this.#reserved(message, scope.path, Path.message, MAX_FIELD_NUMBER, 1);
        return;
      case "map":
        this.#field(message.field, scope, Path.message.field, { message });
        return;
      default:
        // A field's type may be called like a keyword; then a name and a number follow.
        if (!this.#declaration(scope)) this.#field(message.field, scope, Path.message.field, { message });
    }
  }

  #oneof(message: DescriptorProto, scope: Scope): void {
    const oneofIndex = message.oneofDecl.length;
    const path = [...scope.path, Path.message.oneofDecl, oneofIndex];
    const location = this.#paths.open(path);
    this.#tokens.next();
    const oneof: { name: string; options?: object | undefined } = { name: readName(this.#tokens) };
    message.oneofDecl.push(oneof);
    location.end("{");
    while (this.#tokens.current.text !== "}") {
      if (this.#tokens.current.text === ";") this.#paths.endWithout();
      else if (this.#tokens.current.text === "option") {
        this.#option(oneof, "google.protobuf.OneofOptions", scope.fullName, [...path, Path.oneof.options]);
      } else this.#field(message.field, scope, Path.message.field, { message, oneofIndex });
    }
    location.close();
  }

  /** `extend Type { … }`: every field in it is an extension of the scope it stands in. */
  #extend(scope: Scope): void {
    const location = this.#paths.open([...scope.path, scope.numbers.extensions]);
    this.#tokens.next();
    const extendee = readFullName(this.#tokens);
    location.end("{");
    while (this.#tokens.current.text !== "}") {
      if (this.#tokens.current.text === ";") this.#paths.endWithout();
      else this.#field(scope.extensions, scope, scope.numbers.extensions, { extendee });
    }
    location.close();
  }

  #field(
    list: FieldDescriptorProto[],
    scope: Scope,
    number: number,
    of: { message?: DescriptorProto; extendee?: string; oneofIndex?: number },
  ): void {
    const path = [...scope.path, number, list.length];
    const start = this.#tokens.current;
    const field: FieldDescriptorProto = { name: "", number: 0, label: Label.OPTIONAL };
    if (of.extendee !== undefined) field.extendee = of.extendee;
    if (of.oneofIndex !== undefined) field.oneofIndex = of.oneofIndex;
    else this.#label(field);
    list.push(field);
    if (this.#tokens.current.text === "group" && this.#file.edition === undefined) {
      this.#group(field, scope, path, start);
      return;
    }
    const location = this.#paths.open(path, start);
    this.#type(field, scope, of.message);
    this.#numberAndOptions(field, scope, path);
    location.end(";");
  }

  #label(field: FieldDescriptorProto): void {
    const { text } = this.#tokens.current;
    if (text === "repeated") field.label = Label.REPEATED;
    else if (text === "required") field.label = Label.REQUIRED;
    else if (text !== "optional") return;
    else if (this.#isProto3) field.proto3Optional = true;
    this.#tokens.next();
  }

  #type(field: FieldDescriptorProto, scope: Scope, message: DescriptorProto | undefined): void {
    const type = readFullName(this.#tokens);
    if (type === "map" && this.#tokens.current.text === "<" && message !== undefined) {
      this.#map(field, message);
      return;
    }
    const scalar = FIELD_TYPES.get(type);
    if (scalar === undefined) field.typeName = type;
    else field.type = scalar;
    field.name = readName(this.#tokens);
  }

  #map(field: FieldDescriptorProto, message: DescriptorProto): void {
    expect(this.#tokens, "<");
    const key: FieldDescriptorProto = { name: "key", number: 1, label: Label.OPTIONAL };
    const value: FieldDescriptorProto = { name: "value", number: 2, label: Label.OPTIONAL };
    key.type = FIELD_TYPES.get(readName(this.#tokens));
    expect(this.#tokens, ",");
    const type = readFullName(this.#tokens);
    const scalar = FIELD_TYPES.get(type);
    if (scalar === undefined) value.typeName = type;
    else value.type = scalar;
    expect(this.#tokens, ">");
    field.name = readName(this.#tokens);
    field.label = Label.REPEATED;
    const entry = newMessage(entryName(field.name));
    entry.field.push(key, value);
    entry.options = { mapEntry: true };
    field.typeName = entry.name;
    message.nestedType.push(entry);
  }

  #numberAndOptions(field: FieldDescriptorProto, scope: Scope, path: readonly number[]): void {
    expect(this.#tokens, "=");
    field.number = this.#integer();
    const typeName = "google.protobuf.FieldOptions";
    for (const option of this.#inlineOptions()) {
      const [{ text, isExtension }, more] = [option.name[0] ?? { text: "", isExtension: false }, option.name.length > 1];
      if (!isExtension && !more && text === "default") field.defaultValue = defaultText(option);
      else if (!isExtension && !more && text === "json_name") field.jsonName = stringOf(option);
      else this.#addOption(field, typeName, scope.fullName, option, undefined);
    }
    void path;
  }

  #group(field: FieldDescriptorProto, scope: Scope, path: readonly number[], start: Tokens["current"]): void {
    const typePath = [...scope.path, scope.numbers.messages, scope.messages.length];
    this.#tokens.next();
    const name = readName(this.#tokens);
    const message = newMessage(name);
    scope.messages.push(message);
    field.name = name.toLowerCase();
    field.type = FieldType.GROUP;
    field.typeName = name;
    this.#numberAndOptions(field, scope, path);
    const location = this.#paths.open(typePath, start);
    this.#messageBody(message, scope, typePath, location);
  }

  #extensions(message: DescriptorProto, scope: Scope): void {
    const location = this.#paths.open([...scope.path, Path.message.extensionRange]);
    this.#tokens.next();
    const ranges: DescriptorProto["extensionRange"] = this.#ranges(MAX_FIELD_NUMBER, 1);
    const options = this.#inlineOptions();
    for (const range of ranges) {
      for (const option of options) {
        this.#addOption(range, "google.protobuf.ExtensionRangeOptions", scope.fullName, option, undefined);
      }
    }
    message.extensionRange.push(...ranges);
    location.end(";");
  }

  /** `beyond` is what is added to a range's last number: the end of an enum's range is in it, of a message's not. */
  #reserved(
    owner: { reservedRange: { start: number; end: number }[]; reservedName: string[] },
    path: readonly number[],
    numbers: { readonly reservedRange: number; readonly reservedName: number },
    max: number,
    beyond: 0 | 1,
  ): void {
    const start = this.#tokens.current;
    this.#tokens.next();
    const { kind } = this.#tokens.current;
    const isNames = kind === "string" || kind === "name";
    const location = this.#paths.open([...path, isNames ? numbers.reservedName : numbers.reservedRange], start);
    // No compiler takes names and numbers in one statement, but a file that protobufjs ships has them.
    do {
      const { kind: next } = this.#tokens.current;
      if (next === "name") owner.reservedName.push(readName(this.#tokens));
      else if (next === "string") owner.reservedName.push(this.#text());
      else owner.reservedRange.push(this.#range(max, beyond));
    } while (take(this.#tokens, ","));
    location.end(";");
  }

  #ranges(max: number, beyond: 0 | 1): { start: number; end: number }[] {
    const ranges: { start: number; end: number }[] = [];
    do ranges.push(this.#range(max, beyond));
    while (take(this.#tokens, ","));
    return ranges;
  }

  #range(max: number, beyond: 0 | 1): { start: number; end: number } {
    const start = this.#integer();
    let end = start;
    if (take(this.#tokens, "to")) end = take(this.#tokens, "max") ? max : this.#integer();
    return { start, end: end + beyond };
  }

  #enum(scope: Scope, start: Tokens["current"], visibility: number | undefined): void {
    const path = [...scope.path, scope.numbers.enums, scope.enums.length];
    const location = this.#paths.open(path, start);
    this.#tokens.next();
    const made: EnumDescriptorProto = { name: readName(this.#tokens), value: [], reservedRange: [], reservedName: [] };
    if (visibility !== undefined) made.visibility = visibility;
    scope.enums.push(made);
    location.end("{");
    while (this.#tokens.current.text !== "}") this.#enumStatement(made, join(scope.fullName, made.name), path, scope);
    location.close();
  }

  #enumStatement(made: EnumDescriptorProto, fullName: string, path: readonly number[], outer: Scope): void {
    const { text } = this.#tokens.current;
    if (text === ";") {
      this.#paths.endWithout();
      return;
    }
    if (text === "option") {
      this.#option(made, "google.protobuf.EnumOptions", fullName, [...path, Path.enum.options]);
      return;
    }
    if (text === "reserved") {
      this.#reserved(made, path, Path.enum, MAX_INT32, 0);
      return;
    }
    const location = this.#paths.open([...path, Path.enum.value, made.value.length]);
    const value: EnumDescriptorProto["value"][number] = { name: readName(this.#tokens), number: 0 };
    made.value.push(value);
    expect(this.#tokens, "=");
    value.number = this.#integer();
    for (const option of this.#inlineOptions()) {
      this.#addOption(value, "google.protobuf.EnumValueOptions", outer.fullName, option, undefined);
    }
    location.end(";");
  }

  #service(): void {
    const path = [Path.file.service, this.#file.service.length];
    const location = this.#paths.open(path);
    this.#tokens.next();
    const service: ServiceDescriptorProto = { name: readName(this.#tokens), method: [] };
    const fullName = join(this.#file.package ?? "", service.name);
    this.#file.service.push(service);
    location.end("{");
    while (this.#tokens.current.text !== "}") {
      const { text } = this.#tokens.current;
      if (text === ";") this.#paths.endWithout();
      else if (text === "option") {
        this.#option(service, "google.protobuf.ServiceOptions", fullName, [...path, Path.service.options]);
      } else if (text === "rpc") this.#method(service, fullName, path);
      else throw wanted(this.#tokens, '"rpc"');
    }
    location.close();
  }

  #method(service: ServiceDescriptorProto, scope: string, servicePath: readonly number[]): void {
    const path = [...servicePath, Path.service.method, service.method.length];
    const location = this.#paths.open(path);
    this.#tokens.next();
    const name = readName(this.#tokens);
    const input = this.#methodType();
    expect(this.#tokens, "returns");
    const output = this.#methodType();
    const method: ServiceDescriptorProto["method"][number] = { name, inputType: input.type, outputType: output.type };
    if (input.isStream) method.clientStreaming = true;
    if (output.isStream) method.serverStreaming = true;
    service.method.push(method);
    const hasBody = this.#tokens.current.text === "{";
    location.end(hasBody ? "{" : ";");
    if (!hasBody) return;
    // A body is there for options, so that an empty one is empty options.
    method.options = {};
    while (this.#tokens.current.text !== "}") {
      if (this.#tokens.current.text === ";") this.#paths.endWithout();
      else if (this.#tokens.current.text === "option") {
        const fullName = join(scope, name);
        this.#option(method, "google.protobuf.MethodOptions", fullName, [...path, Path.method.options]);
      } else throw wanted(this.#tokens, '"option"');
    }
    location.close();
  }

  #methodType(): { readonly type: string; readonly isStream: boolean } {
    expect(this.#tokens, "(");
    const isFirst = this.#tokens.current.text === "stream";
    if (isFirst) this.#tokens.next();
    // A type may be called `stream`.
    const isStream = isFirst && this.#tokens.current.text !== ")";
    const type = isFirst && !isStream ? "stream" : readFullName(this.#tokens);
    expect(this.#tokens, ")");
    return { type, isStream };
  }

  #option(owner: OptionsOf["owner"], typeName: string, scope: string, path: readonly number[]): void {
    const location = this.#paths.open(path);
    this.#tokens.next();
    this.#addOption(owner, typeName, scope, readOption(this.#tokens), location.path);
    location.end(";");
  }

  #addOption(
    owner: OptionsOf["owner"],
    typeName: string,
    scope: string,
    option: OptionStatement,
    location: number[] | undefined,
  ): void {
    let statements = this.#byOwner.get(owner);
    if (statements === undefined) {
      this.#byOwner.set(owner, (statements = []));
      this.#options.push({ owner, typeName, scope, statements });
    }
    statements.push({ option, location });
  }

  /** `[a = 1, b = 2]`, if it is there. */
  #inlineOptions(): OptionStatement[] {
    const options: OptionStatement[] = [];
    if (!take(this.#tokens, "[")) return options;
    do options.push(readOption(this.#tokens));
    while (take(this.#tokens, ","));
    expect(this.#tokens, "]");
    return options;
  }

  #integer(): number {
    const sign = take(this.#tokens, "-") ? -1 : 1;
    const { kind, text } = this.#tokens.current;
    if (kind !== "integer") throw wanted(this.#tokens, "a whole number");
    this.#tokens.next();
    const value = sign * (/^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text));
    // A zero has no sign here.
    return value + 0;
  }

  #text(): string {
    return Buffer.from(readString(this.#tokens)).toString();
  }
}

function newMessage(name: string): DescriptorProto {
  return {
    name,
    field: [],
    extension: [],
    nestedType: [],
    enumType: [],
    extensionRange: [],
    oneofDecl: [],
    reservedRange: [],
    reservedName: [],
  };
}

/** `{ name }` behind a package or a type. */
export function join(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}

/** `string_map` → `StringMapEntry`. */
function entryName(field: string): string {
  return `${field.replace(/(^|_)(.?)/g, (_, _before: string, next: string) => next.toUpperCase())}Entry`;
}

/** A proto3 `optional` is a oneof of its own, behind all others, whose name is no other's. */
function addSyntheticOneofs(message: DescriptorProto): void {
  const taken = new Set([...message.field, ...message.oneofDecl].map(({ name }) => name));
  for (const field of message.field) {
    if (field.proto3Optional !== true) continue;
    let name = field.name.startsWith("_") ? field.name : `_${field.name}`;
    while (taken.has(name)) name = `X${name}`;
    taken.add(name);
    field.oneofIndex = message.oneofDecl.length;
    message.oneofDecl.push({ name });
  }
}

function stringOf({ value }: OptionStatement): string {
  return value.kind === "string" ? Buffer.from(value.bytes).toString() : "";
}

/** The default as it is written: `descriptor-link.ts` brings it into its form, which depends on the type. */
function defaultText({ value }: OptionStatement): string {
  if (value.kind === "string") return Buffer.from(value.bytes).toString("latin1");
  return value.kind === "name" || value.kind === "number" ? value.text : "";
}
