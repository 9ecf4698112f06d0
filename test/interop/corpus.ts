/**
 * The `.proto` files that other libraries are to understand: those of the documented services, and two corpora of hard ones.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadProto, type Schema } from "../../src/index.js";
import { parseFile } from "../support/parsed-descriptor.js";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Files of one folder that make one schema. */
export interface Corpus {
  readonly name: string;
  /** Where imports are looked up, relative to the repository; the files are in the first. */
  readonly folders: readonly [string, ...string[]];
  /** By the names that imports have for them. */
  readonly files: readonly string[];
  /** Files that imports of the others' kind cannot name, as they are looked up beside the importing file. */
  readonly relative: readonly string[];
}

function corpus(name: string, folders: Corpus["folders"], relative: readonly string[] = []): Corpus {
  const [folder] = folders;
  const found = readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    // What is only there to be imported may have another name where it is.
    .filter(
      (file) =>
        file.endsWith(".proto") && !folders.slice(1).some((inner) => `${folder}/${file}`.startsWith(`${inner}/`)),
    )
    .toSorted();
  return { name, folders, files: found, relative };
}

export const DOCUMENTED = corpus("proto", ["proto"]);
export const SCHEMAS = corpus("test/schemas", ["test/schemas", "test/schemas/imports"], ["imports/main.proto"]);
export const DESCRIPTORS = corpus("test/descriptors", ["test/descriptors"]);
export const CORPORA: readonly Corpus[] = [DOCUMENTED, SCHEMAS, DESCRIPTORS];

/** All files of a corpus as one schema. */
export function loadCorpus({ folders: [folder], files, relative }: Corpus): Schema {
  const paths = [...files, ...relative].map((file) => `${root}${folder}/${file}`);
  return loadProto(paths, { includeDirs: [root + folder] });
}

/** What a symbol is, in the words of descriptors. */
export type SymbolKind = "message" | "enum" | "service" | "method" | "extension" | "field" | "oneof" | "value";

export interface DeclaredSymbol {
  readonly name: string;
  readonly kind: SymbolKind;
  readonly file: string;
}

interface Names {
  readonly name: string;
  readonly package?: string;
  readonly messageType?: readonly Names[];
  readonly nestedType?: readonly Names[];
  readonly enumType?: readonly Names[];
  readonly value?: readonly Names[];
  readonly service?: readonly Names[];
  readonly method?: readonly Names[];
  readonly extension?: readonly Names[];
  readonly field?: readonly Names[];
  readonly oneofDecl?: readonly Names[];
}

/** Everything that the files of a schema declare. */
export function symbolsOf(schema: Schema): DeclaredSymbol[] {
  return schema.descriptors.flatMap(({ bytes }) => {
    const { name: file, file: parsed } = parseFile(bytes);
    const names = parsed as unknown as Names;
    return [...declared(names, names.package ?? "")].map((one) => ({ ...one, file }));
  });
}

function* declared(scope: Names, prefix: string): Generator<Omit<DeclaredSymbol, "file">> {
  const within = (name: string): string => (prefix === "" ? name : `${prefix}.${name}`);
  const plain = {
    extension: scope.extension,
    field: scope.field,
    oneof: scope.oneofDecl,
    method: scope.method,
  } as const;
  for (const [kind, list = []] of Object.entries(plain)) {
    for (const { name } of list) yield { kind: kind as SymbolKind, name: within(name) };
  }
  for (const one of [...(scope.messageType ?? []), ...(scope.nestedType ?? [])]) {
    yield { kind: "message", name: within(one.name) };
    yield* declared(one, within(one.name));
  }
  for (const one of scope.enumType ?? []) {
    yield { kind: "enum", name: within(one.name) };
    // Values are named beside their enum.
    for (const { name } of one.value ?? []) yield { kind: "value", name: within(name) };
  }
  for (const one of scope.service ?? []) {
    yield { kind: "service", name: within(one.name) };
    yield* declared(one, within(one.name));
  }
}
