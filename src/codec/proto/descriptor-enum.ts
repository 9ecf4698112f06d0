/**
 * Reads enums of a `.proto` text.
 *
 * Spec: protobuf.dev, "Language Specification", "Enum Definition".
 */
import type { EnumDescriptorProto } from "./descriptor-model.js";
import { expect, readName } from "./descriptor-option.js";
import { Path } from "./descriptor-path.js";
import { join, type ProtoText } from "./descriptor-text.js";
import type { Token } from "./descriptor-tokens.js";

const MAX_INT32 = 2_147_483_647;

/** Where enums are declared: in a file, or in a message. */
export interface EnumScope {
  readonly fullName: string;
  readonly path: readonly number[];
  readonly enums: EnumDescriptorProto[];
  /** The numbers of the lists in the descriptor. */
  readonly numbers: { readonly enums: number };
}

/** `enum Name { … }`, of which `start` is the first token. */
export function readEnum(source: ProtoText, scope: EnumScope, start: Token, visibility: number | undefined): void {
  const path = [...scope.path, scope.numbers.enums, scope.enums.length];
  const location = source.paths.open(path, start);
  source.tokens.next();
  const made: EnumDescriptorProto = { name: "", value: [], reservedRange: [], reservedName: [] };
  source.mark(made, "name");
  made.name = readName(source.tokens);
  if (visibility !== undefined) made.visibility = visibility;
  scope.enums.push(made);
  location.end("{");
  while (source.tokens.current.text !== "}")
    readEnumStatement(source, made, join(scope.fullName, made.name), path, scope);
  location.close();
}

function readEnumStatement(
  source: ProtoText,
  made: EnumDescriptorProto,
  fullName: string,
  path: readonly number[],
  outer: EnumScope,
): void {
  const { text } = source.tokens.current;
  if (text === ";") {
    source.paths.endWithout();
    return;
  }
  if (text === "option") {
    source.option(made, "google.protobuf.EnumOptions", fullName, [...path, Path.enum.options]);
    return;
  }
  if (text === "reserved") {
    source.reserved(made, path, Path.enum, MAX_INT32, 0);
    return;
  }
  const location = source.paths.open([...path, Path.enum.value, made.value.length]);
  const value: EnumDescriptorProto["value"][number] = { name: "", number: 0 };
  source.mark(value, "name");
  value.name = readName(source.tokens);
  made.value.push(value);
  expect(source.tokens, "=");
  source.mark(value, "number");
  value.number = source.integer();
  for (const option of source.inlineOptions()) {
    source.addOption(value, "google.protobuf.EnumValueOptions", outer.fullName, option, undefined);
  }
  location.end(";");
}
