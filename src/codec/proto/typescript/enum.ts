/**
 * An enum in TypeScript: an object of its numbers by name, and the type of its values.
 *
 * Laws: in an open enum any number may be received, in a closed one only those with a name.
 */
import type { DeclaredEnum } from "../declared.js";
import { docLines } from "./comments.js";
import type { ModuleSource } from "./module-source.js";
import { literalKey } from "./names.js";
import type { Declaration } from "./plan.js";

/** Adds the declarations of an enum. */
export function addEnum(source: ModuleSource, { name }: Declaration, declared: DeclaredEnum): void {
  const { closed, values, fullName, comment } = declared;
  const kind = closed
    ? `The enum \`${fullName}\`.`
    : `The enum \`${fullName}\`. A received number need not be one of these.`;
  source.add(...docLines("", comment, kind, declared.deprecated ? "@deprecated" : undefined));
  source.add(`export const ${name} = {`);
  for (const value of values) {
    source.add(...docLines("  ", value.comment, value.deprecated ? "@deprecated" : undefined));
    source.add(`  ${literalKey(value.name)}: ${value.number},`);
  }
  source.add("} as const;", "");
  source.add(`export type ${name} = ${closed ? `(typeof ${name})[keyof typeof ${name}]` : "number"};`);
}
