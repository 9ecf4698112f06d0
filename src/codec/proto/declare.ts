/**
 * Makes of linked descriptors what codecs and generators are made of.
 *
 * Spec: google/protobuf/descriptor.proto.
 * Laws: the descriptors may be a stranger's, so that every name, number and reference in them is checked here.
 */
import type {
  Declaration,
  Declarations,
  DeclaredEnum,
  DeclaredExtension,
  DeclaredField,
  DeclaredMessage,
  DeclaredMethod,
  DeclaredService,
  DeclaredType,
  ScalarName,
} from "./declared.js";
import { checkFullName, checkName, shown, within } from "./declared-name.js";
import { commentsOf, type CommentsByPath } from "./descriptor-comments.js";
import {
  EnumKind,
  fieldFeatures,
  FieldPresence,
  fileFeatures,
  isPacked,
  MessageEncoding,
  nestedFeatures,
  Utf8Validation,
  type Features,
} from "./descriptor-features.js";
import {
  EDITIONS,
  FIELD_TYPES,
  FieldType,
  Label,
  MAP_KEY_TYPES,
  knownOptions,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  type HasOptions,
  type ServiceDescriptorProto,
} from "./descriptor-model.js";
import { Path } from "./descriptor-path.js";
import { camelCase } from "./json-name.js";

const MAX_FIELD_NUMBER = 536_870_911;
const MAX_DEPTH = 100;

const SCALARS: ReadonlyMap<number, ScalarName> = new Map(
  [...FIELD_TYPES].map(([name, type]) => [type, name as ScalarName]),
);

/** Declares what is in `files`. @throws Error naming the file and what is wrong in it. */
export function declareFiles(files: readonly FileDescriptorProto[]): Declarations {
  const known = new Known();
  const parts = files.map((file) => new FileDeclarer(file, known));
  // First what there is, then what it refers to.
  for (const part of parts) part.run(() => part.declare());
  for (const part of parts) part.run(() => part.complete());
  return known;
}

/** "proto2", "proto3" or an edition. @throws Error for one that is not known. */
export function syntaxOf({ syntax = "", edition }: FileDescriptorProto): string {
  if (syntax === "" || syntax === "proto2") return "proto2";
  if (syntax === "proto3") return syntax;
  const known = [...EDITIONS].find(([, number]) => number === edition);
  if (syntax === "editions" && known !== undefined) return known[0];
  throw new Error(`syntax ${shown(syntax)} is not known`);
}

class Known implements Declarations {
  readonly messages = new Map<string, DeclaredMessage>();
  readonly enums = new Map<string, DeclaredEnum>();
  readonly services = new Map<string, DeclaredService>();
  readonly extensions = new Map<string, DeclaredExtension>();
  /** What maps are made of. */
  readonly entries = new Map<string, DescriptorProto>();
  readonly #names = new Map<string, string>();

  /** Takes a full name. @throws Error when it is taken. */
  claim(fullName: string, file: string): string {
    const other = this.#names.get(fullName);
    if (other !== undefined) {
      throw new Error(`duplicate name ${shown(fullName)}${other === file ? "" : `: ${shown(other)} has it too`}`);
    }
    this.#names.set(fullName, file);
    return fullName;
  }
}

/** A message that is declared, and not yet complete. */
interface OpenMessage {
  readonly descriptor: DescriptorProto;
  readonly features: Features;
  readonly path: readonly number[];
  readonly fields: DeclaredField[];
}

interface OpenExtension {
  readonly descriptor: FieldDescriptorProto;
  readonly scope: string;
  readonly features: Features;
  readonly path: readonly number[];
}

interface OpenService {
  readonly descriptor: ServiceDescriptorProto;
  readonly path: readonly number[];
  readonly methods: DeclaredMethod[];
}

class FileDeclarer {
  readonly #file: FileDescriptorProto;
  readonly #known: Known;
  readonly #comments: CommentsByPath;
  readonly #messages: OpenMessage[] = [];
  readonly #extensions: OpenExtension[] = [];
  readonly #services: OpenService[] = [];

  constructor(file: FileDescriptorProto, known: Known) {
    this.#file = file;
    this.#known = known;
    this.#comments = commentsOf(file);
  }

  /** @throws Error naming the file. */
  run(step: () => void): void {
    try {
      step();
    } catch (cause) {
      throw new Error(`Cannot load ${shown(this.#file.name)}: ${(cause as Error).message}`, { cause });
    }
  }

  declare(): void {
    const file = this.#file;
    syntaxOf(file);
    const scope = file.package === undefined || file.package === "" ? "" : checkFullName(file.package);
    const features = fileFeatures(file);
    file.messageType.forEach((one, i) => this.#message(one, scope, features, [Path.file.messageType, i], 0));
    file.enumType.forEach((one, i) => this.#enum(one, scope, features, [Path.file.enumType, i]));
    file.extension.forEach((descriptor, i) =>
      this.#extensions.push({ descriptor, scope, features, path: [Path.file.extension, i] }),
    );
    file.service.forEach((one, i) => this.#service(one, scope, [Path.file.service, i]));
  }

  #message(descriptor: DescriptorProto, scope: string, outer: Features, path: readonly number[], depth: number): void {
    if (depth >= MAX_DEPTH) throw new Error(`messages are at most ${MAX_DEPTH} deep`);
    const declaration = this.#declaration(descriptor, path);
    const fullName = this.#known.claim(within(scope, declaration.name), this.#file.name);
    if (knownOptions(descriptor).mapEntry === true) {
      this.#known.entries.set(fullName, descriptor);
      return;
    }
    const fields: DeclaredField[] = [];
    const message = { ...declaration, kind: "message" as const, fullName, file: this.#file.name, fields };
    this.#known.messages.set(fullName, Object.assign(message, { declarations: this.#known }));
    const features = nestedFeatures(outer, descriptor);
    this.#messages.push({ descriptor, features, path, fields });
    const { nestedType, enumType, extension } = Path.message;
    descriptor.nestedType.forEach((one, i) =>
      this.#message(one, fullName, features, [...path, nestedType, i], depth + 1),
    );
    descriptor.enumType.forEach((one, i) => this.#enum(one, fullName, features, [...path, enumType, i]));
    descriptor.extension.forEach((one, i) =>
      this.#extensions.push({ descriptor: one, scope: fullName, features, path: [...path, extension, i] }),
    );
  }

  #enum(descriptor: EnumDescriptorProto, scope: string, outer: Features, path: readonly number[]): void {
    const declaration = this.#declaration(descriptor, path);
    const fullName = this.#known.claim(within(scope, declaration.name), this.#file.name);
    const closed = nestedFeatures(outer, descriptor).enumType === EnumKind.CLOSED;
    const values = descriptor.value.map((value, i) => {
      return { ...this.#declaration(value, [...path, Path.enum.value, i]), number: value.number | 0 };
    });
    this.#known.enums.set(fullName, {
      ...declaration,
      kind: "enum",
      fullName,
      file: this.#file.name,
      closed,
      values,
    });
  }

  #service(descriptor: ServiceDescriptorProto, scope: string, path: readonly number[]): void {
    const declaration = this.#declaration(descriptor, path);
    const fullName = this.#known.claim(within(scope, declaration.name), this.#file.name);
    const methods: DeclaredMethod[] = [];
    this.#known.services.set(fullName, { ...declaration, kind: "service", fullName, file: this.#file.name, methods });
    this.#services.push({ descriptor, path, methods });
  }

  /** Fills in what refers to other declarations. */
  complete(): void {
    for (const message of this.#messages) this.#fields(message);
    for (const extension of this.#extensions) this.#extension(extension);
    for (const { descriptor, path, methods } of this.#services) {
      descriptor.method.forEach((method, i) =>
        methods.push({
          ...this.#declaration(method, [...path, Path.service.method, i]),
          request: this.#messageCalled(method.inputType),
          response: this.#messageCalled(method.outputType),
          requestStream: method.clientStreaming === true,
          responseStream: method.serverStreaming === true,
        }),
      );
    }
  }

  #fields({ descriptor, features, path, fields }: OpenMessage): void {
    const oneofs = descriptor.oneofDecl.map((one, i) => ({
      declaration: this.#declaration(one, [...path, Path.message.oneofDecl, i]),
      features: nestedFeatures(features, one),
    }));
    const numbers = new Set<number>();
    const names = new Set<string>();
    descriptor.field.forEach((field, i) => {
      const oneof = field.oneofIndex === undefined ? undefined : oneofs[field.oneofIndex];
      if (field.oneofIndex !== undefined && oneof === undefined) {
        throw new Error(`field ${checkName(field.name)} is in a oneof that does not exist`);
      }
      const made = this.#field(field, oneof?.features ?? features, [...path, Path.message.field, i]);
      if (numbers.has(made.number) || names.has(made.name)) {
        throw new Error(`duplicate field ${made.name} = ${made.number} in ${descriptor.name}`);
      }
      numbers.add(made.number);
      names.add(made.name);
      fields.push({ ...made, oneof: field.proto3Optional === true ? undefined : oneof?.declaration });
    });
  }

  #extension({ descriptor, scope, features, path }: OpenExtension): void {
    const field = this.#field(descriptor, features, path);
    const fullName = this.#known.claim(within(scope, field.name), this.#file.name);
    const extendee = this.#messageCalled(descriptor.extendee);
    this.#known.extensions.set(fullName, { ...field, kind: "extension", fullName, file: this.#file.name, extendee });
  }

  #field(descriptor: FieldDescriptorProto, outer: Features, path: readonly number[]): DeclaredField {
    const declaration = this.#declaration(descriptor, path);
    const { number } = descriptor;
    if (!Number.isInteger(number) || number < 1 || number > MAX_FIELD_NUMBER) {
      throw new Error(
        `field ${declaration.name} must have a number from 1 to ${MAX_FIELD_NUMBER}: current value is ${number}`,
      );
    }
    const features = fieldFeatures(outer, descriptor);
    const entry = descriptor.label === Label.REPEATED ? this.#entryOf(descriptor) : undefined;
    const type = this.#type(entry === undefined ? descriptor : entryField(entry, 2));
    const repeated = descriptor.label === Label.REPEATED && entry === undefined;
    return {
      ...declaration,
      number,
      type,
      mapKey: entry === undefined ? undefined : mapKeyOf(entry),
      repeated,
      presence: presenceOf(type, repeated || entry !== undefined, features),
      packed: isPacked(descriptor, features),
      delimited: isMessage(type) && entry === undefined && features.messageEncoding === MessageEncoding.DELIMITED,
      checkUtf8: features.utf8Validation === Utf8Validation.VERIFY,
      jsonName: descriptor.jsonName ?? camelCase(declaration.name),
      jstype: knownOptions(descriptor).jstype,
      defaultValue: descriptor.defaultValue,
      oneof: undefined,
    };
  }

  #entryOf({ type, typeName = "" }: FieldDescriptorProto): DescriptorProto | undefined {
    return type === FieldType.MESSAGE ? this.#known.entries.get(typeName.replace(/^\./, "")) : undefined;
  }

  #type({ name, type = 0, typeName }: FieldDescriptorProto): DeclaredType {
    const scalar = SCALARS.get(type);
    if (scalar !== undefined) return scalar;
    if (typeName === undefined) throw new Error(`field ${checkName(name)} has no type`);
    if (type === FieldType.MESSAGE || type === FieldType.GROUP) return this.#messageCalled(typeName);
    const fullName = checkFullName(typeName).replace(/^\./, "");
    const found = this.#known.enums.get(fullName);
    if (type === FieldType.ENUM && found !== undefined) return found;
    throw new Error(`field ${checkName(name)} wants ${shown(fullName)}, which no file declares as that`);
  }

  #messageCalled(name: string | undefined): DeclaredMessage {
    const fullName = checkFullName(name).replace(/^\./, "");
    const found = this.#known.messages.get(fullName);
    if (found === undefined) throw new Error(`no file declares the message ${shown(fullName)}`);
    return found;
  }

  #declaration(descriptor: { readonly name: string } & HasOptions, path: readonly number[]): Declaration {
    return {
      name: checkName(descriptor.name),
      comment: this.#comments.get(path.join()),
      deprecated: knownOptions(descriptor).deprecated === true,
    };
  }
}

function presenceOf(type: DeclaredType, isMany: boolean, { fieldPresence }: Features): DeclaredField["presence"] {
  if (isMany) return isMessage(type) ? "explicit" : "implicit";
  if (fieldPresence === FieldPresence.LEGACY_REQUIRED) return "required";
  return isMessage(type) || fieldPresence === FieldPresence.EXPLICIT ? "explicit" : "implicit";
}

function isMessage(type: DeclaredType): boolean {
  return typeof type === "object" && type.kind === "message";
}

function entryField(entry: DescriptorProto, number: 1 | 2): FieldDescriptorProto {
  const field = entry.field.find((one) => one.number === number);
  if (field === undefined) throw new Error(`map entry ${checkName(entry.name)} lacks its field ${number}`);
  return field;
}

function mapKeyOf(entry: DescriptorProto): ScalarName {
  const { type = 0 } = entryField(entry, 1);
  const key = SCALARS.get(type);
  if (key !== undefined && MAP_KEY_TYPES.has(type)) return key;
  throw new Error(`map entry ${checkName(entry.name)} has keys that cannot be`);
}
