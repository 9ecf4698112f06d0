/**
 * The code generator: a loaded schema to TypeScript modules, one for each `.proto` file.
 *
 * Laws: the same schema gives the same text, on any machine; a module parses and reads nothing when it is imported; what
 * comes from the schema is either a checked name, a quoted string or within a comment.
 */
import { DEFAULT_FORMS, type BytesForm, type Int64Form } from "./fields.js";
import type { Schema } from "./schema.js";
import { templateLiteral } from "./typescript/comments.js";
import { addEnum } from "./typescript/enum.js";
import { addReexports } from "./typescript/reexport.js";
import { addExtension } from "./typescript/extension.js";
import { addMessage } from "./typescript/message.js";
import { ModuleSource, type ModuleOptions } from "./typescript/module-source.js";
import { type Declaration, type ModulePlan, type Plan, planModules } from "./typescript/plan.js";
import { addService } from "./typescript/service.js";

/** How modules are generated. */
export interface GenerateOptions {
  /** What modules import the runtime from, relative to the output folder if it is relative; default `"barewire"`. */
  readonly importFrom?: string | undefined;
  /** What 64-bit integers without a `jstype` are; default `"bigint"`. */
  readonly int64?: Int64Form | undefined;
  /** What bytes are; default `"uint8array"`. */
  readonly bytes?: BytesForm | undefined;
}

/** A generated module. */
export interface GeneratedModule {
  /** The `.proto` file, as imports name it. */
  readonly file: string;
  /** Where it belongs in the output folder, with `/` between folders. */
  readonly path: string;
  readonly source: string;
}

/**
 * The modules of all files of `schema`, imported ones included; the well-known types are in the runtime and need none.
 *
 * @throws Error when two files would become one module, or two methods of a service one function.
 */
export function generateTypeScript(schema: Schema, options: GenerateOptions = {}): GeneratedModule[] {
  const plan = planModules(schema);
  const { importFrom = "barewire", int64 = DEFAULT_FORMS.int64, bytes = DEFAULT_FORMS.bytes } = options;
  return plan.modules.map((module) => ({
    file: module.file.name,
    path: module.path,
    source: moduleSource(module, plan, { importFrom, int64, bytes }),
  }));
}

function moduleSource(module: ModulePlan, plan: Plan, options: ModuleOptions): string {
  const source = new ModuleSource(module, plan, options);
  const text = source.claim("source");
  addFile(source, options, text);
  const isService = ({ object }: Declaration): boolean => object.kind === "service";
  for (const declaration of module.declarations.filter((one) => !isService(one))) {
    source.add("");
    if (declaration.object.kind === "enum") addEnum(source, declaration, declaration.object);
    else if (declaration.object.kind === "message") addMessage(source, declaration, declaration.object);
    else if (declaration.object.kind === "extension") addExtension(source, declaration, declaration.object);
  }
  // Services refer to the constants of messages, which must be there by then.
  for (const declaration of module.declarations.filter(isService)) {
    source.add("");
    if (declaration.object.kind === "service") addService(source, declaration, declaration.object);
  }
  addReexports(source, plan);
  source.add("", `function ${text}(): string {`, `  return ${templateLiteral(module.file.text ?? "")};`, "}");
  return source.format([
    "/**",
    ` * Made by \`barewire generate\` from ${module.file.name}: changes are lost when it is made again.`,
    " */",
  ]);
}

function addFile(source: ModuleSource, options: ModuleOptions, text: string): void {
  const { file, fileName } = source.module;
  const forms = [
    ...(options.int64 === DEFAULT_FORMS.int64 ? [] : [`int64: ${JSON.stringify(options.int64)}`]),
    ...(options.bytes === DEFAULT_FORMS.bytes ? [] : [`bytes: ${JSON.stringify(options.bytes)}`]),
  ];
  const values = [
    JSON.stringify(file.name),
    `[${source.importedFiles().join(", ")}]`,
    text,
    ...(forms.length === 0 ? [] : [`{ ${forms.join(", ")} }`]),
  ];
  const head = `export const ${fileName}: ${source.runtime("GeneratedFile", "type")} = ${source.runtime("protoFile", "value")}(`;
  const line = `${head}${values.join(", ")});`;
  source.add("/** The text that everything below comes from; parsed when it is first needed. */");
  if (line.length <= 120) source.add(line);
  else source.add(head, ...values.map((value) => `  ${value},`), ");");
}
