/**
 * Loads `.proto` files at run time: no protoc, no build step.
 *
 * Spec: protobuf.dev, "Language Guide" (proto2, proto3, editions).
 * Laws: an error names the file, the line where the parser knows it, and what was wanted; every file is read once; a
 * stranger's files are bounded in number, depth and bytes.
 */
import protobuf from "protobufjs";
import { checkRules } from "./check.js";
import { fullNameOf, originalName, toParserText } from "./dialect.js";
import { FileFinder, type FoundFile, type ProtoSource } from "./files.js";
import { didYouMean } from "./nearest.js";
import { explainParseError, findSpot, formatSpot } from "./parse-error.js";
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
  return loadFrom(new FileFinder(source, options.includeDirs ?? []));
}

/** Says which files there are, and which of them an import means. */
export type Finder = Pick<FileFinder, "find" | "roots">;

/** The same as {@link loadProto}, from wherever the files are. */
export function loadFrom(finder: Finder): Schema {
  return new Loader(finder).load();
}

class Loader {
  readonly #finder: Finder;
  readonly #root = new protobuf.Root();
  readonly #files = new Map<string, ProtoFile>();
  /** The files being loaded, each imported by the one before it. */
  readonly #open: string[] = [];
  #bytes = 0;

  constructor(finder: Finder) {
    this.#finder = finder;
  }

  load(): Schema {
    for (const file of this.#finder.roots()) this.#add(file);
    const files = [...this.#files.values()];
    resolveAll(this.#root, files);
    checkRules(this.#root, this.#files);
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
      nameFile(this.#root, name);
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
    const syntax = syntaxOf(file.text);
    if (!SYNTAXES.has(syntax)) {
      throw new Error(
        `expected one of ${[...SYNTAXES].join(", ")} as syntax or edition, found ${JSON.stringify(syntax.slice(0, 64))}`,
      );
    }
    const parsed = protobuf.parse(toParserText(file.text, syntax), root, {
      keepCase: true,
      alternateCommentMode: true,
    });
    // The parser forgets the name when it looks ahead, as it does for a reserved name without quotes.
    if (parse.filename !== file.name) nameFile(root, file.name);
    const imports = [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])];
    return { package: originalName(parsed.package ?? ""), imports, syntax };
  } catch (cause) {
    throw parseError(file, cause);
  } finally {
    parse.filename = null;
  }
}

/** Says of what has no file yet that it is from this one. */
function nameFile(namespace: protobuf.NamespaceBase, name: string): void {
  for (const object of namespace.nestedArray) {
    object.filename ??= name;
    const members =
      object instanceof protobuf.Type
        ? object.fieldsArray
        : object instanceof protobuf.Service
          ? object.methodsArray
          : [];
    for (const member of members) member.filename ??= name;
    if (object instanceof protobuf.Namespace) nameFile(object, name);
  }
}

function parseError(file: FoundFile, cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new Error(`Cannot load ${explainParseError(file.path ?? file.name, file.text, message)}`, { cause });
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
  const word = wanted.replaceAll(".", String.raw`\.`);
  const pattern = new RegExp(`(?<![\\w.])${word}(?![\\w.])`);
  return formatSpot(findSpot(file?.path ?? name, file?.text ?? "", pattern));
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
    user: `field ${fullNameOf(field)}`,
    name: originalName(name),
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
  return { file: method.filename ?? "", user: `method ${fullNameOf(method)}`, name };
}

function namesOf(namespace: protobuf.NamespaceBase): string[] {
  return namespace.nestedArray.flatMap((object) => [
    ...(object instanceof protobuf.Type || object instanceof protobuf.Enum ? [fullNameOf(object)] : []),
    ...(object instanceof protobuf.Namespace ? namesOf(object) : []),
  ]);
}
