/**
 * Rules of the language that the parser does not hold.
 *
 * Spec: protobuf.dev, "Assigning Field Numbers", "Enumerations".
 * Laws: a schema that breaks one is refused, with the place; what it would put on the wire could not be read by others.
 */
import protobuf from "protobufjs";
import { fullNameOf, originalName } from "./dialect.js";
import { featuresOf } from "./enum.js";
import { findSpot, formatSpot } from "./parse-error.js";

/** "The smallest is 1, and the largest is 536,870,911", and "19,000 to 19,999 are reserved". */
const MAX_FIELD_NUMBER = 536_870_911;

interface TextFile {
  readonly name: string;
  readonly path: string | undefined;
  readonly text: string | undefined;
}

/** @throws Error naming the first declaration that breaks a rule, with its place. */
export function checkRules(root: protobuf.NamespaceBase, files: ReadonlyMap<string, TextFile>): void {
  for (const object of root.nestedArray) {
    if (object instanceof protobuf.Type) for (const field of object.fieldsArray) checkField(field, files);
    if (object instanceof protobuf.Enum) checkEnum(object, files);
    if (object instanceof protobuf.Namespace) checkRules(object, files);
  }
}

function checkField(field: protobuf.Field, files: ReadonlyMap<string, TextFile>): void {
  const { id } = field;
  // The fields that stand for extensions in the extended message begin with a dot.
  if (field.name.startsWith(".") || (id >= 1 && id <= MAX_FIELD_NUMBER && (id < 19_000 || id > 19_999))) return;
  const wanted = "its number must be from 1 to 536870911 and not from 19000 to 19999";
  const pattern = new RegExp(`\\b${originalName(field.name)}\\s*=\\s*(\\w+)`);
  throw refusal(field, files, pattern, `field ${fullNameOf(field)}: ${wanted}: current value is ${id}`);
}

function checkEnum(object: protobuf.Enum, files: ReadonlyMap<string, TextFile>): void {
  const entries = Object.entries(object.values);
  const [first] = entries;
  if (first === undefined) {
    const pattern = new RegExp(`\\benum\\s+(${originalName(object.name)})\\b`);
    throw refusal(object, files, pattern, `enum ${fullNameOf(object)} must have a value`);
  }
  const isOpen = featuresOf(object).enum_type !== "CLOSED";
  for (const [name, number] of isOpen && first[1] !== 0 ? [first] : entries) {
    const isFirst = isOpen && name === first[0];
    if (Number.isInteger(number) && (number | 0) === number && (!isFirst || number === 0)) continue;
    const wanted = isFirst ? "the first value of an open enum must be 0" : "a number must fit into 32 bits, signed";
    const pattern = new RegExp(`\\b${originalName(name)}\\s*=\\s*(-?\\w+)`);
    const what = `enum ${fullNameOf(object)}: ${wanted}: current value of ${originalName(name)} is ${number}`;
    throw refusal(object, files, pattern, what);
  }
}

function refusal(
  object: protobuf.ReflectionObject,
  files: ReadonlyMap<string, TextFile>,
  pattern: RegExp,
  text: string,
): Error {
  const name = object.filename ?? object.parent?.filename ?? "";
  const file = files.get(name);
  return new Error(`Cannot load ${formatSpot(findSpot(file?.path ?? name, file?.text ?? "", pattern))}: ${text}`);
}
