/**
 * An extension in TypeScript: a constant for `getExtension` and `setExtension`.
 */
import type { DeclaredExtension } from "../declared.js";
import { messageShape, type FieldShape } from "../fields.js";
import { docLines } from "./comments.js";
import { MessageTypes } from "./message.js";
import type { ModuleSource } from "./module-source.js";
import type { Declaration } from "./plan.js";

/** Adds the declaration of an extension. */
export function addExtension(source: ModuleSource, { name }: Declaration, declared: DeclaredExtension): void {
  const { fullName, extendee, comment, deprecated } = declared;
  const message = { ...extendee, fullName: `[${fullName}]`, fields: [declared] };
  const types = new MessageTypes(source, message);
  const [field] = messageShape(message, source.options).fields as [FieldShape];
  const parameters = [source.refer(extendee, "init"), types.receivedType(field), types.givenType(field)].join(", ");
  const what = `The extension \`${fullName}\` of \`${extendee.fullName}\`.`;
  source.add(...docLines("", comment, what, deprecated ? "@deprecated" : undefined));
  const head = `export const ${name}: ${source.runtime("Extension", "type")}<${parameters}> =`;
  const value = `${source.module.fileName}.extension(${JSON.stringify(fullName)});`;
  if (head.length + value.length < 120) source.add(`${head} ${value}`);
  else source.add(head, `  ${value}`);
}
