/**
 * Which file declares what, over the files of all services of a server.
 *
 * Spec: reflection.proto of grpc-proto; google/protobuf/descriptor.proto.
 * Laws: what several schemas declare is that of the service added first; a service without a schema has no file.
 */
import { type FileDescriptor, loadProto, type MessageType, type Service } from "../core.js";

/** A file among those of its schema. */
export interface IndexedFile {
  readonly descriptor: FileDescriptor;
  /** The files of the same schema by name, which its imports are found in. */
  readonly siblings: ReadonlyMap<string, FileDescriptor>;
}

/** The names of what a file declares, which is all of a descriptor that is looked at: the bytes are passed on as they are. */
const NAMES = `syntax = "proto3";
  message File {
    string package = 2;
    repeated Message messages = 4;
    repeated Enum enums = 5;
    repeated Service services = 6;
    repeated Field extensions = 7;
  }
  message Message {
    string name = 1;
    repeated Field fields = 2;
    repeated Message messages = 3;
    repeated Enum enums = 4;
    repeated Field extensions = 6;
    repeated Named oneofs = 8;
  }
  message Field { string name = 1; string extendee = 2; int32 number = 3; }
  message Enum { string name = 1; repeated Named values = 2; }
  message Service { string name = 1; repeated Named methods = 2; }
  message Named { string name = 1; }`;

interface Named {
  readonly name: string;
}

interface FieldNames extends Named {
  readonly extendee: string;
  readonly number: number;
}

interface EnumNames extends Named {
  readonly values: readonly Named[];
}

interface MessageNames extends Named {
  readonly fields: readonly FieldNames[];
  readonly messages: readonly MessageNames[];
  readonly enums: readonly EnumNames[];
  readonly extensions: readonly FieldNames[];
  readonly oneofs: readonly Named[];
}

interface FileNames {
  readonly package: string;
  readonly messages: readonly MessageNames[];
  readonly enums: readonly EnumNames[];
  readonly services: readonly (Named & { readonly methods: readonly Named[] })[];
  readonly extensions: readonly FieldNames[];
}

let fileNames: MessageType<FileNames> | undefined;

/** The index over the services there were when it was made. */
export class ReflectionIndex {
  readonly #files = new Map<string, IndexedFile>();
  readonly #symbols = new Map<string, IndexedFile>();
  readonly #messages = new Set<string>();
  readonly #extensions = new Map<string, Map<number, IndexedFile>>();
  /** Why the files of a service could not be described. */
  readonly failures: unknown[] = [];

  constructor(services: readonly Service[]) {
    for (const schema of new Set(services.map((service) => service.schema))) {
      if (schema === undefined) continue;
      try {
        this.#addFiles(schema.descriptors);
      } catch (error) {
        this.failures.push(error);
      }
    }
  }

  /** The file that imports know as `name`. */
  file(name: string): IndexedFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a full name. */
  symbol(fullName: string): IndexedFile | undefined {
    return this.#symbols.get(fullName);
  }

  /** The file that declares an extension of a message type. */
  extension(typeName: string, number: number): IndexedFile | undefined {
    return this.#extensions.get(typeName)?.get(number);
  }

  /** The numbers of all extensions of a message type; `undefined` when there is no such type. */
  extensionNumbers(typeName: string): number[] | undefined {
    if (!this.#messages.has(typeName)) return undefined;
    return [...(this.#extensions.get(typeName)?.keys() ?? [])].toSorted((a, b) => a - b);
  }

  #addFiles(descriptors: readonly FileDescriptor[]): void {
    fileNames ??= loadProto({ "names.proto": NAMES }).message<FileNames>("File");
    const siblings = new Map(descriptors.map((descriptor) => [descriptor.name, descriptor]));
    for (const descriptor of descriptors) {
      const names = fileNames.decode(descriptor.bytes);
      const file = { descriptor, siblings };
      if (!this.#files.has(descriptor.name)) this.#files.set(descriptor.name, file);
      this.#addNames(file, names);
    }
  }

  #addNames(file: IndexedFile, names: FileNames): void {
    const scope = names.package;
    for (const service of names.services) {
      const fullName = this.#add(file, scope, service);
      for (const method of service.methods) this.#add(file, fullName, method);
    }
    for (const message of names.messages) this.#addMessage(file, scope, message);
    for (const one of names.enums) this.#addEnum(file, scope, one);
    for (const field of names.extensions) this.#addExtension(file, scope, field);
  }

  #addMessage(file: IndexedFile, scope: string, message: MessageNames): void {
    const fullName = this.#add(file, scope, message);
    this.#messages.add(fullName);
    for (const one of [...message.fields, ...message.oneofs]) this.#add(file, fullName, one);
    for (const nested of message.messages) this.#addMessage(file, fullName, nested);
    for (const one of message.enums) this.#addEnum(file, fullName, one);
    for (const field of message.extensions) this.#addExtension(file, fullName, field);
  }

  /** The values of an enum are named beside it, and not within it. */
  #addEnum(file: IndexedFile, scope: string, one: EnumNames): void {
    this.#add(file, scope, one);
    for (const value of one.values) this.#add(file, scope, value);
  }

  #addExtension(file: IndexedFile, scope: string, field: FieldNames): void {
    this.#add(file, scope, field);
    const extendee = field.extendee.replace(/^\./, "");
    let numbers = this.#extensions.get(extendee);
    if (numbers === undefined) this.#extensions.set(extendee, (numbers = new Map()));
    if (!numbers.has(field.number)) numbers.set(field.number, file);
  }

  #add(file: IndexedFile, scope: string, { name }: Named): string {
    const fullName = scope === "" ? name : `${scope}.${name}`;
    if (!this.#symbols.has(fullName)) this.#symbols.set(fullName, file);
    return fullName;
  }
}
