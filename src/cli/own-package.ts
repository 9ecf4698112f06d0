/**
 * Makes `import "barewire"` in a user's modules mean the very package that runs them.
 *
 * Spec: Node's documentation, "Customization hooks".
 * Laws: a `StatusError` that a handler throws is of the class that the server knows, however the command was installed, and
 * also where the package is not installed at all.
 */
import { readFileSync } from "node:fs";
import * as nodeModule from "node:module";

type Resolve = (specifier: string, context: unknown, next: (specifier: string, context: unknown) => unknown) => unknown;
type RegisterHooks = (hooks: { readonly resolve: Resolve }) => void;

/** The same as `resolve` below, for versions of Node whose hooks run in a thread of their own. */
const HOOKS_MODULE = `let urls;
export function initialize(data) { urls = data; }
export function resolve(specifier, context, next) {
  const url = urls.get(specifier);
  return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
}`;

let isShared = false;

/** From now on modules that import `barewire`, or an entry of it, get the copy that this file is part of. */
export function shareOwnPackage(): void {
  if (isShared) return;
  isShared = true;
  const urls = entryUrls();
  // Node 22.15 has hooks that run here, and reach `require` as well.
  const { registerHooks } = nodeModule as { readonly registerHooks?: RegisterHooks };
  if (registerHooks === undefined) {
    nodeModule.register(`data:text/javascript,${encodeURIComponent(HOOKS_MODULE)}`, { data: urls });
    return;
  }
  registerHooks({
    resolve: (specifier, context, next) => {
      const url = urls.get(specifier);
      return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
    },
  });
}

/** The entries of the package by what imports call them, such as `"barewire/core"`. */
function entryUrls(): Map<string, string> {
  const packageUrl = new URL("../../package.json", import.meta.url);
  const { name, exports } = JSON.parse(readFileSync(packageUrl, "utf8")) as {
    name: string;
    exports: Record<string, string | { readonly default: string }>;
  };
  const urls = new Map<string, string>();
  for (const [entry, target] of Object.entries(exports)) {
    if (typeof target !== "string") urls.set(name + entry.slice(1), new URL(here(target.default), packageUrl).href);
  }
  return urls;
}

/** A checkout runs from its sources. */
function here(path: string): string {
  if (!import.meta.url.endsWith(".ts")) return path;
  return path.replace(/^\.\/dist\//, "./src/").replace(/\.js$/, ".ts");
}
