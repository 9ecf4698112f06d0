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
import { MessageCodec } from "../src/codec/proto/message.js";
import type { Schema } from "../src/codec/proto/schema.js";
import { generateTypeScript, type GenerateOptions } from "../src/codec/proto/typescript.js";
import type { Service } from "../src/index.js";
import { sampleMessage } from "./support/sample-message.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const schemas = join(root, "test", "schemas");
const files = [...readdirSync(schemas).filter((file) => file.endsWith(".proto")), "imports/main.proto"];
const folder = mkdtempSync(join(tmpdir(), "barewire-schemas-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Both forms that a field without `jstype` can have. */
const VARIANTS: Readonly<Record<string, GenerateOptions>> = {
  plain: {},
  forms: { int64: "string", bytes: "buffer" },
};
const variants = Object.keys(VARIANTS);

function load(file: string): Schema {
  return loadProto(join(schemas, file), file.includes("/") ? {} : { includeDirs: [schemas] });
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
          const codecs = exports.filter((one) => one instanceof MessageCodec);
          const expected = loaded.messageNames.filter((one) => loaded.declaredMessage(one).file === name);
          assert.deepEqual(codecs.map(({ typeName }) => typeName).toSorted(), expected.toSorted());
          for (const codec of codecs) checkCodec(codec, loaded, own);
          checkServices(exports, loaded, own);
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
    // The same bytes come from the schema as it is loaded, whatever forms the values have.
    assert.deepEqual(Buffer.from(loaded.codec(codec.typeName).encode(message)), Buffer.from(bytes), codec.typeName);
    const again = loaded.codec(codec.typeName);
    assert.deepEqual(Buffer.from(again.encode(again.decode(bytes))), Buffer.from(bytes), codec.typeName);
  }
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
