/**
 * Links files that have been read: finds what every name stands for, and completes what follows from it.
 *
 * Spec: protobuf.dev, "Language Guide", "Packages and Name Resolution"; descriptor.proto.
 * Laws: a file sees itself, what it imports, and what that imports publicly; type names come out absolute, with a dot in
 * front.
 */
import { didYouMean, nearestFullName } from "../nearest-name.js";
import { formatDefault } from "./descriptor-default.js";
import {
  FieldType,
  knownOptions,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from "./descriptor-model.js";
import { join } from "./descriptor-text.js";
import { camelCase } from "./json-name.js";
import { DeclarationError, type DeclarationPart } from "./proto-error.js";

/** What a full name stands for. Packages, messages, enums and services have further names within them. */
export type Symbol =
  | { readonly kind: "package" | "service" | "enum value" }
  | { readonly kind: "message"; readonly message: DescriptorProto; readonly file: FileDescriptorProto }
  | { readonly kind: "enum"; readonly enum: EnumDescriptorProto }
  | { readonly kind: "extension"; readonly field: FieldDescriptorProto; readonly file: FileDescriptorProto };

/** What a type's name is used for. */
interface NameUser {
  readonly declaration: object;
  readonly part: DeclarationPart;
  /** Where it is looked up from. */
  readonly scope: string;
  readonly what: string;
  readonly kinds: ReadonlySet<string>;
}

const MESSAGE: ReadonlySet<string> = new Set(["message"]);
const TYPES: ReadonlySet<string> = new Set(["message", "enum"]);

/** The symbols of a set of files. */
export class Linker {
  /** What every full name is, in whichever file. */
  readonly #all = new Map<string, { readonly kind: Symbol["kind"]; readonly file: FileDescriptorProto }>();
  readonly #files = new Map<string, FileDescriptorProto>();
  /** The extensions by what they extend and their numbers. */
  readonly #extensions = new Map<string, string>();
  readonly #symbols = new Map<string, Map<string, Symbol>>();
  readonly #visible = new Map<FileDescriptorProto, readonly Map<string, Symbol>[]>();

  /**
   * Adds a file; those it imports may come later.
   *
   * @throws DeclarationError when something in it has a name that something else has, of this file or of another.
   */
  add(file: FileDescriptorProto): void {
    this.#files.set(file.name, file);
    const symbols = new Map<string, Symbol>();
    this.#symbols.set(file.name, symbols);
    const scope = file.package ?? "";
    if (scope !== "") {
      const parts = scope.split(".");
      for (let i = 1; i <= parts.length; i++) {
        const name = parts.slice(0, i).join(".");
        this.#claim(file, name, file, "package");
        symbols.set(name, { kind: "package" });
      }
    }
    this.#addTypes(symbols, file, scope, file.messageType, file.enumType, file.extension);
    for (const service of file.service) this.#addSymbol(symbols, file, scope, service, { kind: "service" });
  }

  #addSymbol(
    symbols: Map<string, Symbol>,
    file: FileDescriptorProto,
    scope: string,
    declaration: { readonly name: string },
    symbol: Symbol,
  ): string {
    const fullName = join(scope, declaration.name);
    this.#claim(file, fullName, declaration, symbol.kind);
    symbols.set(fullName, symbol);
    return fullName;
  }

  #claim(file: FileDescriptorProto, fullName: string, declaration: object, kind: Symbol["kind"]): void {
    const other = this.#all.get(fullName);
    this.#all.set(fullName, { kind, file });
    if (other === undefined || (other.kind === "package" && kind === "package")) return;
    const where = other.file === file ? "" : ` in ${other.file.name}`;
    const rule = kind === "enum value" ? " (an enum's values are named beside it, not in it)" : "";
    throw new DeclarationError(
      `duplicate name ${JSON.stringify(fullName)}: a ${other.kind}${where} has it${rule}`,
      file,
      declaration,
    );
  }

  #addTypes(
    symbols: Map<string, Symbol>,
    file: FileDescriptorProto,
    scope: string,
    messages: readonly DescriptorProto[],
    enums: readonly EnumDescriptorProto[],
    extensions: readonly FieldDescriptorProto[],
  ): void {
    for (const message of messages) {
      const fullName = this.#addSymbol(symbols, file, scope, message, { kind: "message", message, file });
      this.#addTypes(symbols, file, fullName, message.nestedType, message.enumType, message.extension);
    }
    for (const one of enums) {
      this.#addSymbol(symbols, file, scope, one, { kind: "enum", enum: one });
      for (const value of one.value) this.#claim(file, join(scope, value.name), value, "enum value");
    }
    for (const field of extensions) this.#addSymbol(symbols, file, scope, field, { kind: "extension", field, file });
  }

  /** Resolves every name of a file. @throws DeclarationError naming what stands for nothing. */
  link(file: FileDescriptorProto): void {
    const scope = file.package ?? "";
    for (const message of file.messageType) this.#linkMessage(file, join(scope, message.name), message);
    for (const field of file.extension) this.#linkField(file, scope, field);
    for (const service of file.service) {
      const fullName = join(scope, service.name);
      for (const method of service.method) {
        const user = {
          declaration: method,
          scope: join(fullName, method.name),
          what: `method ${join(fullName, method.name)}`,
          kinds: MESSAGE,
        } as const;
        method.inputType = this.#typeName(file, { ...user, part: "input" }, method.inputType);
        method.outputType = this.#typeName(file, { ...user, part: "output" }, method.outputType);
      }
    }
  }

  #linkMessage(file: FileDescriptorProto, fullName: string, message: DescriptorProto): void {
    for (const field of message.extension) this.#linkField(file, fullName, field);
    const maps = new Map(message.field.map(({ typeName, name }) => [typeName, name]));
    for (const nested of message.nestedType) {
      const nestedName = join(fullName, nested.name);
      if (knownOptions(nested).mapEntry !== true) this.#linkMessage(file, nestedName, nested);
      // Nobody has written the message that a map is made of, so that errors name the map.
      else
        for (const field of nested.field)
          this.#linkField(file, nestedName, field, join(fullName, maps.get(nested.name) ?? ""));
    }
    for (const field of message.field) this.#linkField(file, fullName, field);
  }

  #linkField(
    file: FileDescriptorProto,
    scope: string,
    field: FieldDescriptorProto,
    shownName = join(scope, field.name),
  ): void {
    field.jsonName ??= camelCase(field.name);
    const user = { declaration: field, scope, what: `field ${shownName}` } as const;
    if (field.extendee !== undefined) {
      field.extendee = this.#typeName(file, { ...user, part: "extendee", kinds: MESSAGE }, field.extendee);
    }
    if (field.typeName !== undefined) {
      field.typeName = this.#typeName(file, { ...user, part: "type", kinds: TYPES }, field.typeName);
      const isEnum = this.find(file, field.typeName.slice(1))?.kind === "enum";
      field.type ??= isEnum ? FieldType.ENUM : FieldType.MESSAGE;
    }
    if (field.defaultValue !== undefined) this.#linkDefault(file, scope, field, field.defaultValue);
  }

  #linkDefault(file: FileDescriptorProto, scope: string, field: FieldDescriptorProto, text: string): void {
    try {
      field.defaultValue = formatDefault(field.type ?? 0, text);
    } catch {
      const what = `field ${join(scope, field.name)}: its default must be of its type: current value is ${JSON.stringify(text)}`;
      throw new DeclarationError(what, file, field, "number");
    }
  }

  /** The absolute form of a name. */
  #typeName(file: FileDescriptorProto, user: NameUser, name: string): string {
    const found = this.resolve(file, user.scope, name, ({ kind }) => TYPES.has(kind));
    const kind = found === undefined ? undefined : this.find(file, found)?.kind;
    if (found !== undefined && kind !== undefined && user.kinds.has(kind)) return `.${found}`;
    const reason =
      kind === undefined
        ? this.#reasonFor(file, user.scope, name)
        : `is a ${kind}, not a ${[...user.kinds].join(" or ")}`;
    throw new DeclarationError(
      `${user.what} wants ${JSON.stringify(name)}, which ${reason}`,
      file,
      user.declaration,
      user.part,
    );
  }

  /** Why a name stands for nothing: its file may be there and not be imported, or it may be misspelt. */
  #reasonFor(file: FileDescriptorProto, scope: string, name: string): string {
    const absolute = name.replace(/^\./, "");
    for (let at = name.startsWith(".") ? "" : scope; ; at = at.slice(0, Math.max(at.lastIndexOf("."), 0))) {
      const owner = this.#all.get(join(at, absolute));
      if (owner !== undefined && TYPES.has(owner.kind) && owner.file !== file) {
        return `${owner.file.name} declares: ${file.name} does not import that`;
      }
      if (at === "") break;
    }
    const types = [...this.#all].filter(([, { kind }]) => TYPES.has(kind)).map(([known]) => known);
    return `no loaded file declares${didYouMean(nearestFullName(absolute, types))}`;
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

  /** Takes a number of what is extended; the extension that has it already, if one does. */
  claimExtension(extendee: string, number: number, fullName: string): string | undefined {
    const key = `${extendee} ${number}`;
    const other = this.#extensions.get(key);
    if (other === undefined) this.#extensions.set(key, fullName);
    return other;
  }

  /** What a full name stands for in any of the files. */
  findAnywhere(fullName: string): Symbol | undefined {
    const owner = this.#all.get(fullName);
    return owner === undefined ? undefined : this.#symbols.get(owner.file.name)?.get(fullName);
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
