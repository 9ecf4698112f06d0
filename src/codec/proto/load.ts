/**
 * Loads `.proto` files at run time: no protoc, no build step.
 *
 * Spec: protobuf.dev, "Language Guide" (proto2, proto3, editions).
 * Laws: an error names the file, the line where the parser knows it, and what was wanted; every file is read once; a
 * stranger's files are bounded in number, depth and bytes.
 */
import protobuf from "protobufjs";
import { FileFinder, type FoundFile, type ProtoSource } from "./files.js";
import { didYouMean } from "./nearest.js";
import { Schema, type ProtoFile } from "./schema.js";
import { bindWellKnown } from "./well-known.js";

export type { ProtoSource } from "./files.js";

/** How {@link loadProto} finds imports. */
export interface LoadOptions {
  /** Directories that imports are looked up in, before the importing file's own. Default: none. */
  readonly includeDirs?: readonly string[] | undefined;
}

/** What the parser knows. It takes any other text for an edition of which it then knows nothing. */
const SYNTAXES: ReadonlySet<string> = new Set(["proto2", "proto3", "2023", "2024", "2026"]);

const MAX_FILES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_IMPORT_DEPTH = 100;

/**
 * Loads a schema, synchronously.
 *
 * `source` is a path, a `file:` URL, a list of them, or an object of texts by file name (`{ "a.proto": "syntax = …" }`).
 * Imports are looked up among the texts, in `includeDirs`, beside the importing file, and last among the well-known
 * `google/protobuf/*.proto` (and `google/api/*.proto`), which need not exist on disk.
 *
 * @throws Error when a file is not found, does not parse, or refers to something that no loaded file declares.
 */
export function loadProto(source: ProtoSource, options: LoadOptions = {}): Schema {
  const loader = new Loader(new FileFinder(source, options.includeDirs ?? []));
  return loader.load();
}

class Loader {
  readonly #finder: FileFinder;
  readonly #root = new protobuf.Root();
  readonly #files = new Map<string, ProtoFile>();
  /** The files being loaded, each imported by the one before it. */
  readonly #open: string[] = [];
  #bytes = 0;

  constructor(finder: FileFinder) {
    this.#finder = finder;
  }

  load(): Schema {
    for (const file of this.#finder.roots()) this.#add(file);
    const files = [...this.#files.values()];
    resolveAll(this.#root, files);
    bindWellKnown(
      this.#root,
      files.filter(({ text }) => text === undefined).map(({ name }) => name),
    );
    return new Schema(this.#root, files);
  }

  #add(file: FoundFile): void {
    if (this.#open.includes(file.name)) {
      throw new Error(`Cannot load ${file.name} as it imports itself: ${[...this.#open, file.name].join(" → ")}`);
    }
    if (this.#files.has(file.name)) return;
    this.#checkBounds(file);
    this.#open.push(file.name);
    const parsed = parseFile(file, this.#root);
    const imports: string[] = [];
    for (const name of parsed.imports) imports.push(this.#import(name, file));
    this.#open.pop();
    this.#files.set(file.name, { name: file.name, path: file.path, text: file.text, ...parsed, imports });
  }

  #import(name: string, importer: FoundFile): string {
    const found = this.#finder.find(name, importer, (one) => protobuf.common.get(one) !== null);
    if (found !== undefined) {
      this.#add(found);
      return found.name;
    }
    if (!this.#files.has(name)) {
      this.#root.addJSON((protobuf.common.get(name) as protobuf.INamespace).nested ?? {});
      const bundled = { name, package: "google.protobuf", imports: [], syntax: "proto3" };
      this.#files.set(name, { ...bundled, text: undefined, path: undefined });
    }
    return name;
  }

  #checkBounds(file: FoundFile): void {
    this.#bytes += file.text.length;
    if (this.#files.size >= MAX_FILES)
      throw new Error(`Cannot load ${file.name} as a schema has at most ${MAX_FILES} files`);
    if (this.#bytes > MAX_BYTES) throw new Error(`Cannot load ${file.name} as a schema has at most ${MAX_BYTES} bytes`);
    if (this.#open.length >= MAX_IMPORT_DEPTH) {
      throw new Error(`Cannot load ${file.name} as imports are at most ${MAX_IMPORT_DEPTH} deep`);
    }
  }
}

interface ParsedFile {
  readonly package: string;
  readonly imports: readonly string[];
  readonly syntax: string;
}

/** Adds the declarations of a file to `root`. Names stay as they are in the file; comments are kept. */
function parseFile(file: FoundFile, root: protobuf.Root): ParsedFile {
  const parse = protobuf.parse as typeof protobuf.parse & { filename: string | null };
  parse.filename = file.name;
  try {
    const parsed = protobuf.parse(file.text, root, { keepCase: true, alternateCommentMode: true });
    const imports = [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])];
    const syntax = syntaxOf(file.text);
    if (!SYNTAXES.has(syntax))
      throw new Error(`illegal syntax '${syntax}': it must be one of ${[...SYNTAXES].join(", ")}`);
    return { package: parsed.package ?? "", imports, syntax };
  } catch (cause) {
    throw parseError(file, cause);
  } finally {
    parse.filename = null;
  }
}

function parseError(file: FoundFile, cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  const spot = / \((?:[^()]*, )?line ([0-9]+)\)$/.exec(message);
  const where = spot === null ? (file.path ?? file.name) : `${file.path ?? file.name}:${spot[1]}`;
  return new Error(`Cannot load ${where}: ${spot === null ? message : message.slice(0, spot.index)}`, { cause });
}

/** "The first non-empty, non-comment line of the file must specify the syntax"; without one it is proto2. */
function syntaxOf(text: string): string {
  const tokens = protobuf.tokenize(text, true);
  const first = tokens.next();
  if ((first !== "syntax" && first !== "edition") || tokens.next() !== "=") return "proto2";
  tokens.next();
  return tokens.next() ?? "proto2";
}

/** Finds what every type name stands for. @throws Error naming file, user and name of the first that stands for nothing. */
function resolveAll(root: protobuf.Root, files: readonly ProtoFile[]): void {
  try {
    root.resolveAll();
  } catch (cause) {
    const missing = findUnresolved(root);
    if (missing === undefined) {
      throw new Error(`Cannot load ${files.map((file) => file.name).join(", ")}: ${(cause as Error).message}`, {
        cause,
      });
    }
    const file = files.find((one) => one.name === missing.file);
    const hint = didYouMean(missing.name, namesOf(root));
    throw new Error(
      `Cannot load ${place(file, missing)}: ${missing.user} wants ${JSON.stringify(missing.name)}, which no loaded file declares${hint}`,
      { cause },
    );
  }
}

interface Unresolved {
  readonly file: string;
  readonly user: string;
  readonly name: string;
}

function place(file: ProtoFile | undefined, { file: name, name: wanted }: Unresolved): string {
  const lines = file?.text?.split("\n") ?? [];
  const line = lines.findIndex((text) =>
    text
      .replace(/\/\/.*/, "")
      .split(/[^\w.]+/)
      .includes(wanted),
  );
  return line < 0 ? (file?.path ?? name) : `${file?.path ?? name}:${line + 1}`;
}

function findUnresolved(namespace: protobuf.NamespaceBase): Unresolved | undefined {
  for (const object of namespace.nestedArray) {
    const found =
      (object instanceof protobuf.Field ? unresolvedField(object) : undefined) ??
      (object instanceof protobuf.Type ? firstOf(object.fieldsArray, unresolvedField) : undefined) ??
      (object instanceof protobuf.Service ? firstOf(object.methodsArray, unresolvedMethod) : undefined) ??
      (object instanceof protobuf.Namespace ? findUnresolved(object) : undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstOf<T>(items: readonly T[], find: (item: T) => Unresolved | undefined): Unresolved | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function unresolvedField(field: protobuf.Field): Unresolved | undefined {
  const scope = field.declaringField === null ? field.parent : field.declaringField.parent;
  const unresolved = (name: string): Unresolved => ({
    file: field.filename ?? field.parent?.filename ?? "",
    user: `field ${field.fullName.slice(1)}`,
    name,
  });
  if (field.extend !== undefined && scope?.lookup(field.extend, [protobuf.Type]) === null)
    return unresolved(field.extend);
  if (field.type in protobuf.types.defaults || scope === null) return undefined;
  return scope.lookup(field.type, [protobuf.Type, protobuf.Enum]) === null ? unresolved(field.type) : undefined;
}

function unresolvedMethod(method: protobuf.Method): Unresolved | undefined {
  const name = [method.requestType, method.responseType].find(
    (type) => method.parent?.lookup(type, [protobuf.Type]) === null,
  );
  if (name === undefined) return undefined;
  return { file: method.filename ?? "", user: `method ${method.fullName.slice(1)}`, name };
}

function namesOf(namespace: protobuf.NamespaceBase): string[] {
  return namespace.nestedArray.flatMap((object) => [
    ...(object instanceof protobuf.Type || object instanceof protobuf.Enum ? [object.fullName.slice(1)] : []),
    ...(object instanceof protobuf.Namespace ? namesOf(object) : []),
  ]);
}
