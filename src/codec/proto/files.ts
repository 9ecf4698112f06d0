/**
 * Where `.proto` files come from: texts given by name, directories, and the well-known files that are always there.
 *
 * Spec: protobuf.dev, "Importing Definitions".
 * Laws: the only file of the codec floor that touches the disk; a file has one name, the one that imports use.
 */
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** A `.proto` file that was found. */
export interface FoundFile {
  /** As imports name it, such as `"google/protobuf/any.proto"`. */
  readonly name: string;
  /** Where it is on disk, if it is. */
  readonly path: string | undefined;
  readonly text: string;
}

/** What a schema can be loaded from: paths or `file:` URLs, or an object of texts by file name. */
export type ProtoSource = string | URL | readonly (string | URL)[] | Readonly<Record<string, string>>;

/** Finds the files of one schema. */
export class FileFinder {
  readonly #includeDirs: readonly string[];
  readonly #texts = new Map<string, string>();
  readonly #paths: string[] = [];
  /** The name each path was first found under. */
  readonly #names = new Map<string, string>();

  constructor(source: ProtoSource, includeDirs: readonly string[]) {
    this.#includeDirs = includeDirs.map((dir) => resolve(dir));
    if (typeof source === "string" || source instanceof URL) this.#paths.push(pathOf(source));
    else if (Array.isArray(source)) this.#paths.push(...(source as (string | URL)[]).map(pathOf));
    else if (typeof source === "object" && source !== null) {
      for (const [name, text] of Object.entries(source)) this.#texts.set(name, checkText(name, text));
    } else
      throw new TypeError(`Cannot load a schema from ${typeof source}: it must be a path, paths or an object of texts`);
    if (this.#paths.length + this.#texts.size === 0) throw new TypeError("Cannot load a schema from no files");
  }

  /** The files that were asked for. @throws Error naming the places searched when one does not exist. */
  roots(): FoundFile[] {
    const texts = [...this.#texts].map(([name, text]) => ({ name, path: undefined, text }));
    return [...texts, ...this.#paths.map((path) => this.#root(path))];
  }

  #root(path: string): FoundFile {
    const places = isAbsolute(path) ? [path] : [resolve(path), ...this.#includeDirs.map((dir) => join(dir, path))];
    const found = places.find(isFile);
    if (found === undefined) throw new Error(`Cannot find ${path}: looked for ${places.join(", ")}`);
    const dir = this.#includeDirs.find((one) => found.startsWith(one + sep));
    return this.#read(found, dir === undefined ? basename(found) : relative(dir, found).split(sep).join("/"));
  }

  /**
   * The file that `importer` imports as `name`, or `undefined` for a well-known one that is bundled.
   *
   * @throws Error naming the importer and the places searched.
   */
  find(name: string, importer: FoundFile, isBundled: (name: string) => boolean): FoundFile | undefined {
    const besides = posix.join(posix.dirname(importer.name), name);
    for (const text of [name, besides]) {
      const found = this.#texts.get(text);
      if (found !== undefined) return { name: text, path: undefined, text: found };
    }
    const dirs = [...this.#includeDirs, ...(importer.path === undefined ? [] : [dirname(importer.path)])];
    const path = dirs.map((dir) => join(dir, name)).find(isFile);
    if (path !== undefined) return this.#read(path, name);
    if (isBundled(name)) return undefined;
    const shipped = shippedPath(name);
    if (shipped !== undefined) return this.#read(shipped, name);
    const places = [...(this.#texts.size > 0 ? ["the texts given"] : []), ...dirs];
    throw new Error(
      `Cannot find ${JSON.stringify(name)}, imported by ${importer.name}: looked in ${places.join(", ")}. ` +
        "Say where it is with { includeDirs: [...] }",
    );
  }

  #read(path: string, name: string): FoundFile {
    const known = this.#names.get(path) ?? name;
    this.#names.set(path, known);
    return { name: known, path, text: readFileSync(path, "utf8") };
  }
}

function pathOf(source: string | URL): string {
  if (source instanceof URL) return fileURLToPath(source);
  if (typeof source === "string" && source !== "") return source;
  throw new TypeError(
    `Cannot load a .proto file as its path must be a string or a file: URL: current value is ${JSON.stringify(source)}`,
  );
}

function checkText(name: string, text: unknown): string {
  if (typeof text === "string") return text;
  throw new TypeError(`Cannot load ${name} as its text must be a string: current value is ${typeof text}`);
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** The text of a file that comes with protobufjs, if it does. */
export function shippedText(name: string): string | undefined {
  const path = shippedPath(name);
  return path === undefined ? undefined : readFileSync(path, "utf8");
}

/** `google/protobuf/descriptor.proto` and `google/api/*.proto` come with protobufjs as files. */
function shippedPath(name: string): string | undefined {
  if (!/^google\/(?:[a-z_]+\/)+[a-z_]+\.proto$/.test(name)) return undefined;
  try {
    return createRequire(import.meta.url).resolve(`protobufjs/${name}`);
  } catch {
    return undefined;
  }
}
