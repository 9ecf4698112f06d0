/**
 * The files that a custom server is made of: its `.proto` files and handlers, and whatever these import.
 *
 * Laws: a file that is broken, or not there yet, is among them like any other; nothing is run to find out; packages of others
 * are left out, and there is an end to it.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { CustomFlags } from "./custom-services.js";

const MAX_FILES = 5000;

/** The paths, absolute. */
export function filesToWatch({ proto, handlers, include }: CustomFlags): Set<string> {
  const roots = proto.flatMap((file) => [resolve(file), ...include.map((folder) => resolve(folder, file))]);
  const files = new Set([...roots, ...handlers.map((file) => resolve(file))]);
  // A set that grows while it is walked is walked to its end.
  for (const file of files) {
    if (files.size > MAX_FILES) break;
    const text = readIfThere(file);
    if (text === undefined) continue;
    for (const one of file.endsWith(".proto") ? protoImports(file, text, include) : moduleImports(file, text)) {
      files.add(one);
    }
  }
  return files;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Wherever an import may be: a file that appears in a place looked at before is another file. */
function protoImports(file: string, text: string, include: readonly string[]): string[] {
  return [...text.matchAll(/\bimport\s+(?:\w+\s+)?["']([^"'\n]+)["']/g)].flatMap(([, name = ""]) =>
    [...include, dirname(file)].map((folder) => resolve(folder, name)),
  );
}

/** What a string with a relative path means: an import in any of its forms, or `new URL("./data.json", import.meta.url)`. */
function moduleImports(file: string, text: string): string[] {
  if (!/\.[mc]?[jt]sx?$/.test(file)) return [];
  return [...text.matchAll(/(["'`])(\.{1,2}\/[^"'`\n$]+)\1/g)].flatMap(([, , name = ""]) => {
    const path = join(dirname(file), name);
    return path.includes("node_modules") ? [] : [path, ...otherSpellings(path)];
  });
}

/** `./a.js` may be written in TypeScript, and `require` and some loaders take `./a`. */
function otherSpellings(path: string): string[] {
  const [, stem = path, letter = "", end] = /^(.*)\.([mc]?)js$/.exec(path) ?? [];
  if (end !== undefined || stem !== path) return [`${stem}.${letter}ts`];
  return /\.\w+$/.test(path) ? [] : [".js", ".ts", "/index.js", "/index.ts"].map((one) => path + one);
}
