/**
 * An enum in TypeScript: an object of its numbers by name, and the type of its values.
 *
 * Laws: in an open enum any number may be received, in a closed one only those with a name.
 */
import type protobuf from "protobufjs";
import { parserName } from "../dialect.js";
import { enumType } from "../enum.js";
import { docLines } from "./comments.js";
import type { ModuleSource } from "./module-source.js";
import { literalKey } from "./names.js";
import type { Declaration } from "./plan.js";

/** Adds the declarations of an enum. */
export function addEnum(source: ModuleSource, { object, name }: Declaration): void {
  const reflected = object as protobuf.Enum;
  const { closed, values, typeName } = enumType(reflected);
  const kind = closed
    ? `The enum \`${typeName}\`.`
    : `The enum \`${typeName}\`. A received number need not be one of these.`;
  const deprecated = reflected.options?.["deprecated"] === true ? "@deprecated" : undefined;
  source.add(...docLines("", reflected.comment, kind, deprecated));
  source.add(`export const ${name} = {`);
  for (const value of values) {
    const key = parserName(value.name);
    const options = reflected.valuesOptions?.[key];
    const isDeprecated = options?.["deprecated"] === true ? "@deprecated" : undefined;
    source.add(...docLines("  ", reflected.comments[key], isDeprecated));
    source.add(`  ${literalKey(value.name)}: ${value.number},`);
  }
  source.add("} as const;", "");
  source.add(`export type ${name} = ${closed ? `(typeof ${name})[keyof typeof ${name}]` : "number"};`);
}
