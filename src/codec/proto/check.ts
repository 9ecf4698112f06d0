/**
 * Rules of the language that the parser does not hold.
 *
 * Spec: protobuf.dev, "Assigning Field Numbers", "Enumerations", "Reserved Fields", "Extensions", "Oneof Features".
 * Laws: a schema that breaks one is refused, with the place; what it would put on the wire could not be read by others, or no
 * compiler would take it.
 */
import { EnumKind, fileFeatures, nestedFeatures, type Features } from "./descriptor-features.js";
import type { Linker } from "./descriptor-link.js";
import {
  knownOptions,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from "./descriptor-model.js";
import { join } from "./descriptor-text.js";
import { DeclarationError } from "./proto-error.js";

/** "The smallest is 1, and the largest is 536,870,911", and "19,000 to 19,999 are reserved". */
const MAX_FIELD_NUMBER = 536_870_911;

/** @throws DeclarationError naming the first declaration of a linked file that breaks a rule. */
export function checkFile(linker: Linker, file: FileDescriptorProto): void {
  const scope = file.package ?? "";
  const features = fileFeatures(file);
  for (const message of file.messageType) checkMessage(linker, file, scope, features, message);
  for (const one of file.enumType) checkEnum(file, scope, features, one);
  for (const extension of file.extension) checkExtension(linker, file, scope, extension);
  for (const service of file.service) {
    checkUnique(file, join(scope, service.name), service.method, ({ name }) => name, "name", "name");
  }
}

function checkMessage(
  linker: Linker,
  file: FileDescriptorProto,
  scope: string,
  outer: Features,
  message: DescriptorProto,
): void {
  const fullName = join(scope, message.name);
  const features = nestedFeatures(outer, message);
  checkUnique(file, fullName, [...message.field, ...message.oneofDecl], ({ name }) => name, "name", "name");
  checkUnique(file, fullName, message.field, ({ number }) => number, "number", "number");
  const reservedNames = new Set(message.reservedName);
  for (const field of message.field) {
    checkField(file, fullName, message, field);
    if (!reservedNames.has(field.name)) continue;
    throw new DeclarationError(`field ${join(fullName, field.name)}: its name must not be reserved`, file, field);
  }
  const used = new Set(message.field.map(({ oneofIndex }) => oneofIndex));
  for (const [i, oneof] of message.oneofDecl.entries()) {
    if (used.has(i)) continue;
    throw new DeclarationError(`oneof ${join(fullName, oneof.name)} must have a field`, file, oneof);
  }
  for (const nested of message.nestedType) checkMessage(linker, file, fullName, features, nested);
  for (const one of message.enumType) checkEnum(file, fullName, features, one);
  for (const extension of message.extension) checkExtension(linker, file, fullName, extension);
}

function checkUnique<T extends object>(
  file: FileDescriptorProto,
  scope: string,
  declarations: readonly T[],
  keyOf: (one: T) => string | number,
  what: string,
  part: "name" | "number",
): void {
  const seen = new Set<string | number>();
  for (const one of declarations) {
    const key = keyOf(one);
    if (seen.has(key))
      throw new DeclarationError(`duplicate ${what} ${JSON.stringify(key)} in ${scope}`, file, one, part);
    seen.add(key);
  }
}

function checkNumber(file: FileDescriptorProto, scope: string, field: FieldDescriptorProto): void {
  const { number } = field;
  if (number >= 1 && number <= MAX_FIELD_NUMBER && (number < 19_000 || number > 19_999)) return;
  const wanted = "its number must be from 1 to 536870911 and not from 19000 to 19999";
  const text = `field ${join(scope, field.name)}: ${wanted}: current value is ${number}`;
  throw new DeclarationError(text, file, field, "number");
}

function checkField(
  file: FileDescriptorProto,
  scope: string,
  message: DescriptorProto,
  field: FieldDescriptorProto,
): void {
  checkNumber(file, scope, field);
  const { name, number } = field;
  const isIn = ({ start, end }: { readonly start: number; readonly end: number }): boolean =>
    number >= start && number < end;
  const refuse = (what: string): never => {
    throw new DeclarationError(`field ${join(scope, name)}: ${what}`, file, field, "number");
  };
  if (message.reservedRange.some(isIn)) refuse(`its number must not be reserved: current value is ${number}`);
  if (message.extensionRange.some(isIn)) {
    refuse(`its number must not be one for extensions: current value is ${number}`);
  }
}

function checkExtension(
  linker: Linker,
  file: FileDescriptorProto,
  scope: string,
  extension: FieldDescriptorProto,
): void {
  const { number, name, extendee = "" } = extension;
  const fullName = join(scope, name);
  checkNumber(file, scope, extension);
  const symbol = linker.findAnywhere(extendee.slice(1));
  // The ranges of the bundled files are not kept: only options are extended there.
  if (symbol?.kind !== "message" || symbol.file.name.startsWith("google/protobuf/")) return;
  if (!symbol.message.extensionRange.some(({ start, end }) => number >= start && number < end)) {
    const text = `field ${fullName}: ${extendee.slice(1)} must have extensions ${number}, which is not in its ranges`;
    throw new DeclarationError(text, file, extension, "number");
  }
  const other = linker.claimExtension(extendee, number, fullName);
  if (other === undefined) return;
  const text = `field ${fullName}: ${extendee.slice(1)} has an extension ${number} already: ${other}`;
  throw new DeclarationError(text, file, extension, "number");
}

function checkEnum(file: FileDescriptorProto, scope: string, outer: Features, made: EnumDescriptorProto): void {
  const fullName = join(scope, made.name);
  const [first] = made.value;
  if (first === undefined) throw new DeclarationError(`enum ${fullName} must have a value`, file, made);
  const isOpen = nestedFeatures(outer, made).enumType !== EnumKind.CLOSED;
  for (const value of made.value) {
    const isFirst = isOpen && value === first;
    const { name, number } = value;
    if ((number | 0) === number && (!isFirst || number === 0)) continue;
    const wanted = isFirst ? "the first value of an open enum must be 0" : "a number must fit into 32 bits, signed";
    const text = `enum ${fullName}: ${wanted}: current value of ${name} is ${number}`;
    throw new DeclarationError(text, file, value, "number");
  }
  if (knownOptions(made).allowAlias === true) return;
  const hint = "number (an alias wants option allow_alias = true):";
  checkUnique(file, fullName, made.value, ({ number }) => number, hint, "number");
}
