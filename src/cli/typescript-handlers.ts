/**
 * What Node must be told to load handlers that are written in TypeScript.
 *
 * Laws: Node's own way comes first, `tsx` where the working directory has it second; neither is one sentence.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { quoted } from "../services/peer-text.js";
import { UsageError } from "./usage-error.js";

/** Whether this process can import TypeScript: Node takes its types off, or what loaded this file does. */
function loadsTypeScript(): boolean {
  const { typescript } = process.features as { readonly typescript?: string | false };
  return import.meta.url.endsWith(".ts") || (typescript !== undefined && typescript !== false);
}

/** Node's arguments for a process that loads `files`: none when this one can. @throws UsageError when none could. */
export function loaderArgs(
  files: readonly string[],
  folder: string = process.cwd(),
  canLoad: boolean = loadsTypeScript(),
): string[] {
  const typed = files.find((file) => /\.[mc]?tsx?$/.test(file));
  if (typed === undefined || canLoad) return [];
  if (hasTsx(folder)) return ["--import", "tsx"];
  const node = `Node ${process.versions.node}`;
  throw new UsageError(
    `--handlers ${quoted(typed)} is TypeScript, which ${node} does not run: ` +
      "use Node 22.18 or newer, install tsx here (npm install tsx), or give a .js file",
  );
}

function hasTsx(folder: string): boolean {
  try {
    createRequire(join(folder, "package.json")).resolve("tsx");
    return true;
  } catch {
    return false;
  }
}
