/**
 * Printed declarations, put into a file again, are what they were printed of.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { declarationsIn } from "../../../src/cli/describe/declaration.js";
import { DeclaredNames } from "../../../src/cli/describe/declared.js";
import { OptionPrinter } from "../../../src/cli/describe/options.js";
import { ProtoText } from "../../../src/cli/describe/proto-text.js";
import { jsonTemplate } from "../../../src/cli/describe/json-template.js";
import { fromJson, loadDescriptorSet, loadProto, type MessageType, type Schema } from "../../../src/index.js";

const folder = new URL("../../schemas/", import.meta.url);
const FOLDERS = ["../../schemas/", "../../../proto/"].map((one) => new URL(one, import.meta.url));
const files = FOLDERS.flatMap((one) =>
  readdirSync(one)
    .filter((name) => name.endsWith(".proto"))
    .map((name) => new URL(name, one)),
);

const descriptorType = loadProto({
  "x.proto": 'syntax = "proto3"; import "google/protobuf/descriptor.proto";',
}).message("google.protobuf.FileDescriptorProto") as MessageType<Descriptor>;

interface Declaration {
  name: string;
  nestedType?: Declaration[];
  enumType?: Declaration[];
}

interface Descriptor {
  name: string;
  package?: string;
  syntax?: string;
  edition?: number;
  dependency: string[];
  publicDependency: number[];
  optionDependency: string[];
  weakDependency: number[];
  options?: unknown;
  sourceCodeInfo?: { location: { path: number[]; leadingComments?: string; trailingComments?: string }[] };
  messageType: Declaration[];
  enumType: Declaration[];
  service: Declaration[];
  extension: Declaration[];
}

/** The whole file in source text. */
function printFile(schema: Schema, { name, bytes }: Schema["descriptors"][number]): string {
  const names = new DeclaredNames(schema.descriptors);
  const optionPrinter = new OptionPrinter(names, schema.descriptors);
  const printer = new ProtoText(names, optionPrinter);
  const { options } = optionPrinter.print("FileOptions", declarationsIn({ name, bytes, imports: [] }).options);
  const file = descriptorType.decode(bytes);
  const head =
    file.syntax === "editions"
      ? `edition = "${schema.files.find((one) => one.name === name)?.syntax}";`
      : `syntax = "${file.syntax ?? "proto2"}";`;
  const imports = [...file.dependency, ...file.optionDependency].map((one, i) => {
    if (i >= file.dependency.length) return `import option "${one}";`;
    const how = file.publicDependency.includes(i) ? "public " : file.weakDependency.includes(i) ? "weak " : "";
    return `import ${how}"${one}";`;
  });
  const scope = file.package === undefined ? "" : `${file.package}.`;
  // An extension that is a group declares its message as well.
  const extensions = file.extension as readonly (Declaration & { type?: number; typeName?: string })[];
  const groups = new Set(extensions.filter(({ type }) => type === 10).map(({ typeName }) => typeName));
  const messages = file.messageType.filter((one) => !groups.has(`.${scope}${one.name}`));
  const tops = [...messages, ...file.enumType, ...file.service, ...file.extension];
  const bodies = tops.map((one) => {
    const declared = names.get(scope + one.name);
    assert.ok(declared, scope + one.name);
    return printer.print(declared).join("\n");
  });
  return [
    head,
    ...(file.package === undefined ? [] : [`package ${file.package};`]),
    ...imports,
    ...options.map((one) => `option ${one.name} = ${one.value};`),
    ...bodies,
  ].join("\n");
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** What a file declares, in an order of its own and without what is not printed: places in the text, options of the file. */
function essence(bytes: Uint8Array): unknown {
  const { options: _options, sourceCodeInfo: _info, ...file } = descriptorType.decode(bytes);
  // A method whose braces are empty has options, all of which are absent.
  for (const { method } of file.service as unknown as { method: { options?: object }[] }[]) {
    for (const one of method) {
      const given = Object.values(one.options ?? {}).some((value) => value !== undefined && !isEmpty(value));
      if (!given && Object.getOwnPropertySymbols(one.options ?? {}).length === 0) delete one.options;
    }
  }
  const sorted = (declarations: readonly Declaration[] = []): Declaration[] =>
    declarations
      .map((one) => ({ ...one, nestedType: sorted(one.nestedType), enumType: sorted(one.enumType) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...file,
    messageType: sorted(file.messageType),
    enumType: sorted(file.enumType),
    extension: sorted(file.extension),
  };
}

function canBeDescribed(schema: Schema): boolean {
  try {
    return schema.descriptors.length > 0;
  } catch {
    return false;
  }
}

for (const file of files) {
  const schema = loadProto([file], { includeDirs: FOLDERS.map(({ pathname }) => pathname) });
  // One of the corpus has an option that no descriptor.proto has.
  if (!canBeDescribed(schema)) continue;

  test(`${file.pathname.split("/").at(-1)}: what is printed declares the same`, () => {
    const texts = Object.fromEntries(
      schema.files.flatMap(({ name, text }) => (text === undefined ? [] : [[name, text] as const])),
    );
    const original = schema.descriptors.at(-1);
    assert.ok(original);
    const printed = printFile(schema, original);
    let again: Schema;
    try {
      again = loadProto({ ...texts, [original.name]: printed });
      const copy = again.descriptors.find(({ name }) => name === original.name);
      assert.ok(copy);
      // What an option's value has in extensions of its own has no form that could be read again.
      if (!/^ *\/\/ \d+(?::| \{)/m.test(printed)) assert.deepEqual(essence(copy.bytes), essence(original.bytes));
    } catch (error) {
      throw new Error(`${printed}\n${String(error)}`, { cause: error });
    }
  });

  test(`${file.pathname.split("/").at(-1)}: the template of every message can be sent as it is`, () => {
    const names = new DeclaredNames(schema.descriptors);
    // Of descriptor.proto there are two versions: what the codecs know, and what every compiler has.
    for (const name of schema.messageNames.filter(
      (one) => names.get(one)?.file.name !== "google/protobuf/descriptor.proto",
    )) {
      const template = jsonTemplate(names, name);
      assert.doesNotThrow(() => fromJson(schema.message(name), template), `${name}: ${JSON.stringify(template)}`);
    }
  });
}

describe("ProtoText", () => {
  const text = readFileSync(new URL("custom-options.proto", folder), "utf8");

  test("comments stand where they stood", () => {
    const source = `syntax = "proto3";
// Says hello.
//
//   And more.
message Hello {
  // detached

  // The name.
  string name = 1; // never empty
  // One of two.
  oneof kind {
    // First.
    int32 a = 2;
  }
}
`;
    const schema = loadProto({ "hello.proto": source });
    const names = new DeclaredNames(schema.descriptors);
    const hello = names.get("Hello");
    assert.ok(hello);
    assert.deepEqual(new ProtoText(names, new OptionPrinter(names, schema.descriptors)).print(hello), [
      "// Says hello.",
      "//",
      "//   And more.",
      "message Hello {",
      "  // detached",
      "",
      "  // The name.",
      "  string name = 1;",
      "  // never empty",
      "  // One of two.",
      "  oneof kind {",
      "    // First.",
      "    int32 a = 2;",
      "  }",
      "}",
    ]);
  });

  test("an option that nobody declares is shown by its number, in a comment", () => {
    const schema = loadProto({ "custom-options.proto": text }, { includeDirs: [folder.pathname] });
    // The same without the file's own extensions.
    const descriptors = schema.descriptors.map(({ bytes }) => {
      const file = descriptorType.decode(bytes);
      return descriptorType.encode({ ...file, extension: [] });
    });
    const set = loadProto({ "set.proto": 'syntax = "proto3"; message Set { repeated bytes file = 1; }' }).message(
      "Set",
    );
    const bare = loadDescriptorSet(set.encode({ file: descriptors }));
    const names = new DeclaredNames(bare.descriptors);
    const service = names.get("schemas.options.Ruling");
    assert.ok(service);
    const printed = new ProtoText(names, new OptionPrinter(names, bare.descriptors)).print(service).join("\n");
    assert.match(printed, /^ {2}\/\/ option \d+, declared nowhere = \d+$/m);
  });
});
