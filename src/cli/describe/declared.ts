/**
 * Where in a schema a name is declared: an index over its descriptors.
 *
 * Spec: google/protobuf/descriptor.proto, SourceCodeInfo.Location.path.
 * Laws: a name is looked up in a Map; the values of an enum are named beside it, as in C++; whoever declares a name first has it.
 */
import type { FileDescriptor } from "../../index.js";
import {
  type Comments,
  commentsIn,
  declarationsIn,
  type EnumDeclaration,
  type FieldDeclaration,
  type FileDeclaration,
  type MessageDeclaration,
  type MethodDeclaration,
  type OneofDeclaration,
  type ServiceDeclaration,
  type ValueDeclaration,
  withoutDot,
} from "./declaration.js";

/** What a name stands for. `path` is where it is in its file's descriptor, as comments have it. */
export type Declared = Place &
  (
    | { readonly kind: "service"; readonly node: ServiceDeclaration }
    | { readonly kind: "method"; readonly node: MethodDeclaration; readonly service: ServiceDeclaration }
    | { readonly kind: "message"; readonly node: MessageDeclaration }
    | { readonly kind: "field"; readonly node: FieldDeclaration; readonly message: MessageDeclaration }
    | { readonly kind: "oneof"; readonly node: OneofDeclaration; readonly message: MessageDeclaration }
    | { readonly kind: "enum"; readonly node: EnumDeclaration }
    | { readonly kind: "enum value"; readonly node: ValueDeclaration }
    | { readonly kind: "extension"; readonly node: FieldDeclaration }
  );

/** Where a name is declared. */
export interface Place {
  readonly fullName: string;
  readonly file: DeclaringFile;
  readonly path: readonly number[];
}

/** A file of the index. */
export class DeclaringFile {
  readonly declaration: FileDeclaration;
  readonly #descriptor: FileDescriptor;
  #comments: ReadonlyMap<string, Comments> | undefined;

  constructor(descriptor: FileDescriptor) {
    this.#descriptor = descriptor;
    this.declaration = declarationsIn(descriptor);
  }

  get name(): string {
    return this.#descriptor.name;
  }

  /** `"proto2"`, `"proto3"` or `"editions"`. */
  get syntax(): string {
    return this.declaration.syntax ?? "proto2";
  }

  /** The comments of what is at `path`. */
  comments(path: readonly number[]): Comments | undefined {
    this.#comments ??= commentsIn(this.#descriptor);
    return this.#comments.get(path.join(","));
  }
}

/** The numbers of the fields of `descriptor.proto` that paths are made of. */
const FILE = Object.freeze({ messages: 4, enums: 5, services: 6, extensions: 7 });
export const MESSAGE = Object.freeze({ fields: 2, messages: 3, enums: 4, extensions: 6, oneofs: 8 });
export const ENUM_VALUES = 2;
export const SERVICE_METHODS = 2;

/** The names that files declare. */
export class DeclaredNames {
  readonly #byName = new Map<string, Declared>();
  readonly #extensions: (Declared & { readonly kind: "extension" })[] = [];

  constructor(descriptors: readonly FileDescriptor[]) {
    for (const descriptor of descriptors) this.#addFile(new DeclaringFile(descriptor));
  }

  /** What a full name stands for. */
  get(fullName: string): Declared | undefined {
    return this.#byName.get(fullName);
  }

  /** The message type of that name. */
  message(fullName: string): (Declared & { readonly kind: "message" }) | undefined {
    const declared = this.#byName.get(fullName);
    return declared?.kind === "message" ? declared : undefined;
  }

  /** All names, in the order of the files. */
  get names(): Iterable<string> {
    return this.#byName.keys();
  }

  /** The extensions of a message type. */
  extensionsOf(typeName: string): readonly (Declared & { readonly kind: "extension" })[] {
    return this.#extensions.filter(({ node }) => withoutDot(node.extendee ?? "") === typeName);
  }

  #addFile(file: DeclaringFile): void {
    const { package: scope = "", messages, enums, services, extensions } = file.declaration;
    for (const [i, node] of services.entries()) this.#addService(file, scope, [FILE.services, i], node);
    for (const [i, node] of messages.entries()) this.#addMessage(file, scope, [FILE.messages, i], node);
    for (const [i, node] of enums.entries()) this.#addEnum(file, scope, [FILE.enums, i], node);
    for (const [i, node] of extensions.entries()) this.#addExtension(file, scope, [FILE.extensions, i], node);
  }

  #addService(file: DeclaringFile, scope: string, path: readonly number[], node: ServiceDeclaration): void {
    const { fullName } = this.#add({ kind: "service", node, file, path, fullName: join(scope, node.name) });
    for (const [i, method] of node.methods.entries()) {
      const place = { file, path: [...path, SERVICE_METHODS, i], fullName: join(fullName, method.name) };
      this.#add({ kind: "method", node: method, service: node, ...place });
    }
  }

  #addMessage(file: DeclaringFile, scope: string, path: readonly number[], node: MessageDeclaration): void {
    const { fullName } = this.#add({ kind: "message", node, file, path, fullName: join(scope, node.name) });
    const place = (field: number, i: number, name: string): Place => ({
      file,
      path: [...path, field, i],
      fullName: join(fullName, name),
    });
    for (const [i, one] of node.fields.entries()) {
      this.#add({ kind: "field", node: one, message: node, ...place(MESSAGE.fields, i, one.name) });
    }
    for (const [i, one] of node.oneofs.entries()) {
      this.#add({ kind: "oneof", node: one, message: node, ...place(MESSAGE.oneofs, i, one.name) });
    }
    for (const [i, one] of node.messages.entries()) {
      this.#addMessage(file, fullName, [...path, MESSAGE.messages, i], one);
    }
    for (const [i, one] of node.enums.entries()) this.#addEnum(file, fullName, [...path, MESSAGE.enums, i], one);
    for (const [i, one] of node.extensions.entries()) {
      this.#addExtension(file, fullName, [...path, MESSAGE.extensions, i], one);
    }
  }

  #addEnum(file: DeclaringFile, scope: string, path: readonly number[], node: EnumDeclaration): void {
    this.#add({ kind: "enum", node, file, path, fullName: join(scope, node.name) });
    for (const [i, value] of node.values.entries()) {
      const place = { file, path: [...path, ENUM_VALUES, i], fullName: join(scope, value.name) };
      this.#add({ kind: "enum value", node: value, ...place });
    }
  }

  #addExtension(file: DeclaringFile, scope: string, path: readonly number[], node: FieldDeclaration): void {
    const declared = { kind: "extension", node, file, path, fullName: join(scope, node.name) } as const;
    this.#extensions.push(declared);
    this.#add(declared);
  }

  #add(declared: Declared): Declared {
    if (!this.#byName.has(declared.fullName)) this.#byName.set(declared.fullName, declared);
    return declared;
  }
}

function join(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}
