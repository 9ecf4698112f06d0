/**
 * The whole language: every file of `test/schemas` has a hard case each; it is loaded, made into modules, type-checked, and its
 * messages come back from their bytes as they were.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { GeneratedFile } from "../src/codec/proto/generated.js";
import { loadProto } from "../src/codec/proto/load.js";
import { ExtensionField } from "../src/codec/proto/extension.js";
import { MessageCodec, messageCodec } from "../src/codec/proto/message.js";
import type { Schema } from "../src/codec/proto/schema.js";
import { generateTypeScript, type GenerateOptions } from "../src/codec/proto/typescript.js";
import {
  Channel,
  fromJson,
  fromJsonString,
  getExtension,
  loadDescriptorSet,
  Server,
  setExtension,
  toJson,
  toJsonString,
  type Service,
} from "../src/index.js";
import type { ServerReflectionResponse } from "../src/services/gen/reflection.js";
import { ServerReflection } from "../src/services/reflection.js";
import { sampleMessage } from "./support/sample-message.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const schemas = join(root, "test", "schemas");
const files = [
  ...readdirSync(schemas).filter((file) => file.endsWith(".proto")),
  "imports/main.proto",
  "packages/all.proto",
];
const folder = mkdtempSync(join(tmpdir(), "barewire-schemas-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The forms that a field without `jstype` can have. */
const VARIANTS: Readonly<Record<string, GenerateOptions>> = {
  plain: {},
  forms: { int64: "string", bytes: "buffer" },
  numbers: { int64: "number" },
};
const variants = Object.keys(VARIANTS);

function load(file: string): Schema {
  return loadProto(join(schemas, file), file.startsWith("imports/") ? {} : { includeDirs: [schemas] });
}

/** The runtime by its sources, so that the compiler and the loader of the tests find the same. */
function options(variant: string, file: string): GenerateOptions {
  const importFrom = relative(moduleFolder(variant, file), join(root, "src/index.js")).replaceAll("\\", "/");
  return { ...VARIANTS[variant], importFrom };
}

/** Each file's modules have a folder of their own, as the files in `imports` have two names. */
function moduleFolder(variant: string, file: string): string {
  return join(folder, variant, file.replace(/\W+/g, "-"));
}

before(() => {
  for (const variant of variants) {
    for (const file of files) {
      for (const { path, source } of generateTypeScript(load(file), options(variant, file))) {
        const target = join(moduleFolder(variant, file), path);
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, source);
      }
    }
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    noFallthroughCasesInSwitch: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    noEmit: true,
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: variants }));
});

describe("the modules of all schemas", () => {
  test("type-check under the strictest flags", () => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "--project", folder], { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });

  test("say the types of all they export, so that no other module need be read for them (isolatedDeclarations)", () => {
    const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const args = [tsc, "--project", folder, "--isolatedDeclarations", "--declaration"];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.match(stdout, /src\/codec\/.*TS9\d\d\d/, "the flag has no effect");
    // The library's own sources are read as well, and need not hold this rule.
    const ours = stdout
      .split("\n")
      .filter((line) => variants.some((name) => line.includes(`/${basename(folder)}/${name}/`)));
    assert.deepEqual(ours, []);
  });
});

for (const variant of variants) {
  for (const file of files) {
    describe(`test/schemas/${file}, ${variant}`, () => {
      const modules = generateTypeScript(load(file), options(variant, file));

      test("comes out the same every time", () => {
        assert.deepEqual(generateTypeScript(load(file), options(variant, file)), modules);
      });

      test("has one codec per message and one descriptor per service, and they say what the loaded schema says", async () => {
        const loaded = load(file);
        for (const { file: name, path } of modules) {
          const url = pathToFileURL(join(moduleFolder(variant, file), path)).href;
          const exports = Object.values((await import(url)) as Record<string, unknown>);
          const own = exports.find((one) => one instanceof GeneratedFile);
          assert.ok(own !== undefined, path);
          const { text } = loaded.files.find((one) => one.name === name) ?? {};
          assert.equal(own.text, text, "the text is embedded as it is");
          const isOwn = (one: string): boolean => loaded.declaredMessage(one).file === name;
          const codecs = exports.filter((one) => one instanceof MessageCodec && isOwn(one.typeName)) as MessageCodec[];
          const expected = loaded.messageNames.filter(isOwn);
          assert.deepEqual(codecs.map(({ typeName }) => typeName).toSorted(), expected.toSorted());
          for (const codec of codecs) checkCodec(codec, loaded, own);
          checkServices(exports, loaded, own);
          const extensions = exports.filter((one) => one instanceof ExtensionField);
          const declared = loaded.extensionNames.filter((one) => loaded.declaredExtension(one).file === name);
          assert.deepEqual(extensions.map(({ typeName }) => typeName).toSorted(), declared.toSorted());
          for (const extension of extensions) checkExtension(extension, loaded);
        }
      });
    });
  }
}

function checkCodec(codec: MessageCodec, loaded: Schema, own: GeneratedFile): void {
  assert.equal(own.schema.codec(codec.typeName), codec, `${codec.typeName} has one codec`);
  for (let choice = 0; choice < 5; choice++) {
    const message = sampleMessage(codec, choice);
    const bytes = codec.encode(message);
    assert.deepStrictEqual(codec.decode(bytes), message, codec.typeName);
    checkJson(codec, loaded.codec(codec.typeName), message);
    // The same bytes come from the schema as it is loaded, whatever forms the values have.
    assert.deepEqual(Buffer.from(loaded.codec(codec.typeName).encode(message)), Buffer.from(bytes), codec.typeName);
    const again = loaded.codec(codec.typeName);
    assert.deepEqual(Buffer.from(again.encode(again.decode(bytes))), Buffer.from(bytes), codec.typeName);
  }
}

/** Types whose JSON form not every value has, and those that hold them. */
const SPECIAL = /google\.protobuf\.(?:Any|Value|ListValue|Struct|NullValue|FieldMask|Timestamp|Duration)\b/;

function isOrdinary(codec: MessageCodec, seen = new Set<string>()): boolean {
  if (SPECIAL.test(codec.typeName)) return false;
  seen.add(codec.typeName);
  return codec.fields.every(({ value }) => {
    if (value.kind === "enum") return !SPECIAL.test(value.enum.typeName);
    return value.kind === "scalar" || seen.has(value.message) || isOrdinary(messageCodec(value.declared), seen);
  });
}

/** A message in the forms of its module comes back from JSON in them, and the JSON is that of any other form. */
function checkJson(codec: MessageCodec, loaded: MessageCodec, message: Record<string, unknown>): void {
  if (!isOrdinary(codec)) return;
  const json = toJson(codec, message);
  assert.deepStrictEqual(fromJson(codec, json), message, codec.typeName);
  assert.deepStrictEqual(toJson(loaded, loaded.decode(codec.encode(message))), json, codec.typeName);
  assert.deepStrictEqual(fromJsonString(codec, toJsonString(codec, message)), message, codec.typeName);
}

/** An extension that is set is there, also behind the wire, and nothing is left when it is taken away. */
function checkExtension(extension: ExtensionField, loaded: Schema): void {
  const { codec, property } = extension;
  const extendee = loaded.codec(loaded.declaredExtension(extension.typeName).extendee.fullName);
  const value = sampleMessage(codec)[property];
  const message = sampleMessage(extendee);
  const bytes = extendee.encode(message);
  setExtension(message, extension, value);
  const read = extendee.decode(extendee.encode(message));
  assert.deepStrictEqual(getExtension(read, extension), value, extension.typeName);
  setExtension(read, extension, undefined);
  assert.deepEqual(Buffer.from(extendee.encode(read)), Buffer.from(bytes), extension.typeName);
}

function checkServices(exports: readonly unknown[], loaded: Schema, own: GeneratedFile): void {
  const isService = (one: unknown): one is Service => typeof one === "object" && one !== null && "methods" in one;
  const described = ({ typeName, methods }: Service): unknown => [
    typeName,
    Object.entries(methods).map(([key, { kind, name, localName, path, request, response }]) => {
      return [key, kind, name, localName, path, request.typeName, response.typeName];
    }),
  ];
  for (const service of exports.filter(isService)) {
    assert.deepEqual(described(service), described(loaded.service(service.typeName)));
    for (const { request } of Object.values(service.methods)) {
      assert.equal(own.schema.message(request.typeName), request, "a service has the codecs that modules export");
    }
  }
}

/** What is in the files of an answer, one behind another. */
function filesIn(answer: ServerReflectionResponse["messageResponse"] | undefined): readonly Uint8Array[] {
  if (answer?.case !== "fileDescriptorResponse") assert.fail(JSON.stringify(answer));
  return answer.value.fileDescriptorProto;
}

/** The bytes as one field of a set. */
function inSet(bytes: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) return Buffer.concat([Uint8Array.of(0x0a, ...length), bytes]);
  }
}

describe("served by reflection", () => {
  for (const file of files) {
    test(`${file}: every declaration and file is found, and what comes is the schema`, async () => {
      const loaded = load(file);
      const server = new Server();
      server.add({ typeName: "schemas.Served", methods: {}, schema: loaded }, {});
      const { address } = await server.listen("127.0.0.1:0");
      const channel = new Channel(address);
      const call = channel.client(ServerReflection).serverReflectionInfo();
      const ask = async (messageRequest: { case: "fileByFilename" | "fileContainingSymbol"; value: string }) => {
        await call.send({ messageRequest });
        return filesIn((await call.receive())?.messageResponse);
      };
      const found = new Map<string, Uint8Array>();
      for (const { name } of loaded.files) {
        const [bytes] = await ask({ case: "fileByFilename", value: name });
        found.set(name, bytes as Uint8Array);
      }
      const { messages, enums, services, extensions } = loaded.declarations;
      for (const declaration of [messages, enums, services, extensions].flatMap((all) => [...all.values()])) {
        const [bytes] = await ask({ case: "fileContainingSymbol", value: declaration.fullName });
        assert.deepEqual(bytes, found.get(declaration.file), declaration.fullName);
      }
      call.cancel();
      await channel.close();
      await server.close({ graceMs: 0 });
      checkSame(loadDescriptorSet(Buffer.concat([...found.values()].map(inSet))), loaded);
    });
  }
});

/** What came from the descriptors writes and reads the same bytes. */
function checkSame(described: Schema, loaded: Schema): void {
  assert.deepEqual(described.messageNames.toSorted(), loaded.messageNames.toSorted());
  assert.deepEqual(described.enumNames.toSorted(), loaded.enumNames.toSorted());
  assert.deepEqual(described.extensionNames.toSorted(), loaded.extensionNames.toSorted());
  for (const name of loaded.messageNames) {
    const message = sampleMessage(loaded.codec(name));
    const bytes = loaded.codec(name).encode(message);
    assert.deepStrictEqual(described.codec(name).decode(bytes), message, name);
    assert.deepEqual(Buffer.from(described.codec(name).encode(message)), Buffer.from(bytes), name);
  }
}

describe("names", () => {
  async function exportsOf(file: string): Promise<string[]> {
    const module = join(moduleFolder("plain", file), file.replace(/proto$/, "ts"));
    return Object.keys((await import(pathToFileURL(module).href)) as object);
  }

  test("of JavaScript's globals stay, reserved words get a $ behind", async () => {
    const names = await exportsOf("names-javascript.proto");
    for (const name of ["Object", "Promise", "Map", "Array", "Uint8Array", "then", "get", "of"]) {
      assert.ok(names.includes(name), name);
    }
    for (const name of ["class", "default", "any", "type", "undefined", "__proto__"]) {
      assert.ok(names.includes(`${name}$`) && !names.includes(name), name);
    }
  });

  test("of the runtime stay, and nested types give way to those outside", async () => {
    const names = await exportsOf("names-runtime.proto");
    for (const name of ["MessageType", "Method", "Service", "GeneratedFile", "protoFile", "source", "StringValue"]) {
      assert.ok(names.includes(name), name);
    }
    const text = readFileSync(join(moduleFolder("plain", "names-runtime.proto"), "names-runtime.ts"), "utf8");
    assert.match(text, /export const A_B: .*message\("schemas\.names\.A_B"\)/);
    assert.match(text, /export const A_B\$: .*message\("schemas\.names\.A\.B"\)/);
    assert.match(text, /export interface FooInit\$ \{\n {2}a\?: FooInitInit\$ \| undefined;/);
  });
});

test("the corpus is whole", () => {
  assert.ok(files.length >= 15, `${files.length} files`);
  const texts = files.map((file) => readFileSync(join(schemas, file), "utf8")).join("\n");
  for (const word of [
    "proto2",
    "proto3",
    "2023",
    "2024",
    "group",
    "extend",
    "import public",
    "import weak",
    "import option",
  ]) {
    assert.ok(texts.includes(word), word);
  }
});
