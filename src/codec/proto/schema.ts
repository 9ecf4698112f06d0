/**
 * A loaded schema: its services, messages, enums and files by name.
 *
 * Laws: a wrong name is an error that names the nearest one; the same name gives the same object every time.
 */
import type { DescriptorSource, FileDescriptor } from "../file-descriptor.js";
import {
  localMethodName,
  type DynamicMessage,
  type Method,
  type MethodKind,
  type MessageType,
  type Service,
} from "../method.js";
import { didYouMean, nearestFullName } from "../nearest-name.js";
import type { Declarations, DeclaredExtension, DeclaredMessage, DeclaredMethod, DeclaredService } from "./declared.js";
import { enumType, type EnumType } from "./enum.js";
import { ExtensionField, type Extension } from "./extension.js";
import { messageCodec, type MessageCodec } from "./message.js";

/** One `.proto` file of a schema. */
export interface ProtoFile {
  /** As imports name it, such as `"google/protobuf/any.proto"`. */
  readonly name: string;
  /** The package, or `""`. */
  readonly package: string;
  /** The names of the files it imports, as they stand in {@link Schema.files}. */
  readonly imports: readonly string[];
  /** Those of {@link imports} whose declarations everyone sees who imports this file. */
  readonly publicImports: readonly string[];
  /** `"proto2"`, `"proto3"`, or an edition such as `"2023"`. */
  readonly syntax: string;
  /** The source, or `undefined` for a bundled well-known file, and for one of a descriptor set. */
  readonly text: string | undefined;
  /** Where it is on disk, if it is. */
  readonly path: string | undefined;
}

const schemas = new WeakMap<Declarations, Schema>();

/** The schema that a codec's type was loaded with. */
export function schemaOf(codec: MessageCodec): Schema | undefined {
  return schemas.get(codec.declared.declarations);
}

/** What a set of `.proto` files declares. Made by `loadProto` and `loadDescriptorSet`. */
export class Schema implements DescriptorSource {
  /** Every file, imported ones included, each behind those it imports. */
  readonly files: readonly ProtoFile[];
  /** What the files declare. @internal */
  readonly declarations: Declarations;
  readonly #made = new Map<string, Service>();
  readonly #describe: () => readonly FileDescriptor[];
  #descriptors: readonly FileDescriptor[] | undefined;

  /** `describe` is called once, when the descriptors are first asked for. */
  constructor(declarations: Declarations, files: readonly ProtoFile[], describe: () => readonly FileDescriptor[]) {
    this.declarations = declarations;
    this.files = files;
    schemas.set(declarations, this);
    this.#describe = describe;
  }

  /**
   * Every file in its compiled form, as `protoc` would write it, in the order of {@link files}. Those of `loadProto` are made when
   * they are first asked for; those of a descriptor set are the bytes it had.
   */
  get descriptors(): readonly FileDescriptor[] {
    return (this.#descriptors ??= this.#describe());
  }

  /** The full names of all services, in the order of the files. */
  get serviceNames(): string[] {
    return [...this.declarations.services.keys()];
  }

  /** The full names of all message types, nested and imported ones included. */
  get messageNames(): string[] {
    return [...this.declarations.messages.keys()];
  }

  /** The full names of all enums, nested and imported ones included. */
  get enumNames(): string[] {
    return [...this.declarations.enums.keys()];
  }

  /** All services. @throws Error when one has two methods of the same local name. */
  get services(): Service[] {
    return this.serviceNames.map((name) => this.service(name));
  }

  /**
   * The service with a full name such as `"routeguide.RouteGuide"`. `S` says what its methods are, for generated code.
   *
   * @throws Error naming the nearest service when there is none, or when two of its methods have the same local name.
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what only it can know
  service<S extends Service = Service>(fullName: string): S {
    let service = this.#made.get(fullName);
    if (service === undefined) {
      service = makeService(this, fullName, lookUp("service", fullName, this.declarations.services));
      this.#made.set(fullName, service);
    }
    return service as S;
  }

  /**
   * The message type with a full name such as `"routeguide.Point"`. `T` and `Init` say what its values are.
   *
   * @throws Error naming the nearest message type when there is none.
   */
  message<T = DynamicMessage, Init = T>(fullName: string): MessageType<T, Init> {
    return this.codec(fullName) as unknown as MessageType<T, Init>;
  }

  /** The same as {@link message}, with its fields. @throws Error naming the nearest message type when there is none. @internal */
  codec(fullName: string): MessageCodec {
    return messageCodec(lookUp("message", fullName, this.declarations.messages));
  }

  /** The same as {@link codec}, or `undefined` when there is none. @internal */
  findCodec(fullName: string): MessageCodec | undefined {
    const reflected = this.declarations.messages.get(fullName);
    return reflected === undefined ? undefined : messageCodec(reflected);
  }

  /** What is declared under a full name. @throws Error naming the nearest message type when there is none. @internal */
  declaredMessage(fullName: string): DeclaredMessage {
    return lookUp("message", fullName, this.declarations.messages);
  }

  /** The full names of all extensions, imported ones included. */
  get extensionNames(): string[] {
    return [...this.declarations.extensions.keys()];
  }

  /**
   * The extension with a full name such as `"pkg.color"`, for `getExtension` and `setExtension`. `Extendee`, `Value` and `Init` say what
   * messages it is for, and what its values are.
   *
   * @throws Error naming the nearest extension when there is none.
   */
  extension<Extendee = object, Value = unknown, Init = Value>(fullName: string): Extension<Extendee, Value, Init> {
    const declared = this.declaredExtension(fullName);
    return new ExtensionField(fullName, () => declared);
  }

  /** What is declared under a full name. @throws Error naming the nearest extension when there is none. @internal */
  declaredExtension(fullName: string): DeclaredExtension {
    return lookUp("extension", fullName, this.declarations.extensions);
  }

  /** The enum with a full name such as `"order.Order.AddressType"`. @throws Error naming the nearest enum when there is none. */
  enum(fullName: string): EnumType {
    return enumType(lookUp("enum", fullName, this.declarations.enums));
  }
}

function lookUp<T>(what: string, fullName: string, known: ReadonlyMap<string, T>): T {
  const found = known.get(fullName);
  if (found !== undefined) return found;
  const hint = known.size === 0 ? `; it has no ${what}s at all` : didYouMean(nearestFullName(fullName, known.keys()));
  throw new Error(`The schema has no ${what} ${JSON.stringify(fullName)}${hint}`);
}

function makeService(schema: Schema, typeName: string, declared: DeclaredService): Service {
  const methods: Record<string, Method> = Object.create(null) as Record<string, Method>;
  for (const one of declared.methods) {
    const method = makeMethod(typeName, one);
    const other = methods[method.localName];
    if (other !== undefined) {
      throw new Error(
        `Cannot use service ${typeName} as its methods ${other.name} and ${method.name} both become ${method.localName}`,
      );
    }
    methods[method.localName] = method;
  }
  const service = { typeName, methods: Object.freeze(methods) };
  // Not enumerable: a service that is printed should not print all texts of its schema.
  Object.defineProperty(service, "schema", { value: schema });
  return Object.freeze(service);
}

function makeMethod(service: string, declared: DeclaredMethod): Method {
  const { name } = declared;
  return Object.freeze({
    kind: methodKind(declared),
    name,
    localName: localMethodName(name),
    path: `/${service}/${name}`,
    request: messageCodec(declared.request),
    response: messageCodec(declared.response),
  });
}

/** Which of the four kinds a method is. */
export function methodKind({ requestStream, responseStream }: DeclaredMethod): MethodKind {
  if (requestStream) return responseStream ? "bidiStreaming" : "clientStreaming";
  return responseStream ? "serverStreaming" : "unary";
}
