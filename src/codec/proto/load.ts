/**
 * Loads `.proto` files at run time: no protoc, no build step.
 *
 * Spec: protobuf.dev, "Language Guide" (proto2, proto3, editions).
 * Laws: an error names the file, the place in it, and what was wanted; every file is read once; a stranger's files are bounded in
 * number, depth and bytes.
 */
import { declareFiles, syntaxOf } from "./declare.js";
import { FileFinder, type FoundFile, type ProtoSource } from "./files.js";
import { describeFiles, linkFiles, readFile, type ReadFile } from "./link-files.js";
import { Schema, type ProtoFile } from "./schema.js";
import { WELL_KNOWN_FILES, bindWellKnown } from "./well-known.js";

export type { ProtoSource } from "./files.js";

/** How {@link loadProto} finds imports. */
export interface LoadOptions {
  /** Directories that imports are looked up in, before the importing file's own. Default: none. */
  readonly includeDirs?: readonly string[] | undefined;
}

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
 * @throws Error when a file is not found, is no `.proto`, or refers to something that no file it imports declares: with file, line and
 * column, and what was expected.
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
  /** By name, each behind those it imports. */
  readonly #files = new Map<string, ReadFile>();
  /** The names in {@link #files} of what each imports. */
  readonly #imports = new Map<string, readonly string[]>();
  /** The files being loaded, each imported by the one before it. */
  readonly #open: string[] = [];
  #bytes = 0;

  constructor(finder: Finder) {
    this.#finder = finder;
  }

  load(): Schema {
    for (const file of this.#finder.roots()) this.#add(file);
    const files = [...this.#files.values()];
    linkFiles(files);
    const declarations = declareFiles(files.map(({ descriptor }) => descriptor));
    bindWellKnown(
      declarations,
      files.filter(({ text }) => text === undefined).map(({ name }) => name),
    );
    return new Schema(
      declarations,
      files.map((file) => this.#protoFile(file)),
      () => describeFiles(files),
    );
  }

  #protoFile({ name, path, text, descriptor }: ReadFile): ProtoFile {
    const imports = this.#imports.get(name) ?? descriptor.dependency;
    const publicImports = descriptor.publicDependency.flatMap((index) => descriptor.dependency[index] ?? []);
    return {
      name,
      package: descriptor.package ?? "",
      imports,
      publicImports,
      syntax: syntaxOf(descriptor),
      text,
      path,
    };
  }

  #add(file: FoundFile): void {
    if (this.#open.includes(file.name)) {
      throw new Error(`Cannot load ${file.name} as it imports itself: ${[...this.#open, file.name].join(" → ")}`);
    }
    if (this.#files.has(file.name)) return;
    this.#checkBounds(file);
    this.#open.push(file.name);
    const read = readFile(file.name, file.path, file.text);
    const { dependency, optionDependency } = read.descriptor;
    const imports = dependency.map((name) => this.#import(name, file));
    const forOptions = optionDependency.map((name) => this.#import(name, file));
    if (read.source !== undefined) {
      // A file may have been found under another name than the import says; the dependency must be that name.
      dependency.splice(0, Infinity, ...imports);
      optionDependency.splice(0, Infinity, ...forOptions);
    }
    this.#open.pop();
    this.#files.set(file.name, read);
    this.#imports.set(file.name, [...imports, ...forOptions]);
  }

  #import(name: string, importer: FoundFile): string {
    const found = this.#finder.find(name, importer, (one) => WELL_KNOWN_FILES.has(one));
    if (found !== undefined) {
      this.#add(found);
      return found.name;
    }
    if (!this.#files.has(name)) this.#files.set(name, readFile(name, undefined, undefined));
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
