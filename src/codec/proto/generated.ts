/**
 * What generated modules are made of at run time: the text of a `.proto` file, and codecs and services that exist before it
 * is parsed.
 *
 * Laws: importing a generated module parses and compiles nothing, the first message encoded or decoded does; a type has one
 * codec, whichever module's service it is reached through; nothing is read from the disk.
 */
import { localMethodName, type Method, type MessageType, type Service } from "../method.js";
import { DEFAULT_FORMS, type BytesForm, type Int64Form, type ScalarForms } from "./fields.js";
import { ExtensionField, type Extension } from "./extension.js";
import type { FoundFile } from "./files.js";
import { loadFrom, type Finder } from "./load.js";
import { bindCodec, MessageCodec } from "./message.js";
import type { Schema } from "./schema.js";
import { WELL_KNOWN_FILES } from "./well-known.js";

/** What the types of a file are made of, where there is a choice. */
export interface GeneratedFileOptions {
  /** 64-bit integers, of fields without a `jstype` of their own; default `"bigint"`. */
  readonly int64?: Int64Form | undefined;
  /** Bytes; default `"uint8array"`. */
  readonly bytes?: BytesForm | undefined;
}

type GeneratedMethods<S extends Service> = {
  readonly [Name in keyof S["methods"]]: Pick<S["methods"][Name], "kind" | "name" | "request" | "response">;
};

/** A `.proto` file inside a generated module. */
export class GeneratedFile {
  /** As imports name it, such as `"google/api/http.proto"`. */
  readonly name: string;
  readonly #imports: readonly GeneratedFile[];
  readonly #source: () => string;
  readonly #forms: ScalarForms;
  readonly #codecs = new Map<string, MessageCodec>();
  #schema: Schema | undefined;

  constructor(name: string, imports: readonly GeneratedFile[], source: () => string, forms: ScalarForms) {
    this.name = name;
    this.#imports = imports;
    this.#source = source;
    this.#forms = forms;
  }

  /** The source. */
  get text(): string {
    return this.#source();
  }

  /** What this file and those it imports declare; parsed when it is first asked for. */
  get schema(): Schema {
    return this.#schema ?? this.#load();
  }

  /** The message type with a full name; `T` and `Init` say what its values are. */
  message<T, Init>(typeName: string): MessageType<T, Init> {
    return this.#codec(typeName) as unknown as MessageType<T, Init>;
  }

  /** The extension with a full name; its parameters say what it is for, and what its values are. */
  extension<Extendee, Value, Init>(fullName: string): Extension<Extendee, Value, Init> {
    const field = new ExtensionField(fullName, () => this.schema.declaredExtension(fullName), this.#forms);
    return field;
  }

  /** A service of this file. Its methods come by their local names. */
  service<S extends Service>(typeName: string, methods: GeneratedMethods<S>): S {
    const made: Record<string, Method> = Object.create(null) as Record<string, Method>;
    for (const { name, kind, request, response } of Object.values(methods as GeneratedMethods<Service>)) {
      const localName = localMethodName(name);
      made[localName] = Object.freeze({ kind, name, localName, path: `/${typeName}/${name}`, request, response });
    }
    const service = { typeName, methods: Object.freeze(made) };
    // Not enumerable: a service that is printed should not print all texts of its schema. Parsed when it is asked for.
    Object.defineProperty(service, "schema", { get: () => this.schema });
    return Object.freeze(service) as Service as S;
  }

  #codec(typeName: string): MessageCodec {
    let codec = this.#codecs.get(typeName);
    if (codec === undefined) {
      codec = new MessageCodec(typeName, () => this.schema.declaredMessage(typeName), this.#forms);
      this.#codecs.set(typeName, codec);
    }
    return codec;
  }

  /** Parses this file with all it needs. Those of them that have no schema yet share this one. */
  #load(): Schema {
    const files = new Map<string, GeneratedFile>();
    this.#collect(files);
    const schema = loadFrom(finderOf(files, (file) => file.#imports));
    for (const [typeName, type] of schema.declarations.messages) {
      const file = files.get(type.file);
      if (file !== undefined) bindCodec(type, file.#codec(typeName));
    }
    for (const file of files.values()) file.#schema ??= schema;
    return schema;
  }

  #collect(files: Map<string, GeneratedFile>): void {
    const known = files.get(this.name);
    if (known !== undefined) {
      if (known === this || known.text === this.text) return;
      throw new Error(`Cannot load ${this.name} as two generated modules have different files of this name`);
    }
    files.set(this.name, this);
    for (const file of this.#imports) file.#collect(files);
  }
}

/**
 * A generated module has the files it imports in the order of its imports, without the well-known ones. That order is what
 * counts: on disk one file may have been imported under several names.
 */
function finderOf(
  files: ReadonlyMap<string, GeneratedFile>,
  importsOf: (file: GeneratedFile) => readonly GeneratedFile[],
): Finder {
  const found = (file: GeneratedFile): FoundFile => ({ name: file.name, path: undefined, text: file.text });
  const taken = new Map<string, number>();
  return {
    roots: () => [...files.values()].map(found),
    find: (name, importer) => {
      if (WELL_KNOWN_FILES.has(name)) return undefined;
      const index = taken.get(importer.name) ?? 0;
      taken.set(importer.name, index + 1);
      const file = files.get(importer.name);
      const imported = file === undefined ? undefined : importsOf(file)[index];
      if (imported !== undefined) return found(imported);
      throw new Error(`Cannot load ${importer.name} as its module lacks what it imports as ${JSON.stringify(name)}`);
    },
  };
}

/** What generated modules begin with: a file's name, the modules of the files it imports, and its text. */
export function protoFile(
  name: string,
  imports: readonly GeneratedFile[],
  source: () => string,
  options: GeneratedFileOptions = {},
): GeneratedFile {
  const { int64 = DEFAULT_FORMS.int64, bytes = DEFAULT_FORMS.bytes } = options;
  return new GeneratedFile(name, imports, source, { int64, bytes });
}
