/**
 * The contenders by name.
 *
 * Laws: a process loads the one it runs and no other; those with packages of their own are JavaScript beside `bench/package.json`,
 * as their packages are found from there alone.
 */
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Contender } from "./contender.js";

export const OURS = "barewire";
/** Those that need nothing but what `npm ci` brings. */
const COMPILED = [OURS, "grpc-js", "floor"] as const;
/** Those that `bench/package.json` brings. */
export const INSTALLED = ["nice-grpc", "connect-node"] as const;
export type ContenderName = (typeof COMPILED)[number] | (typeof INSTALLED)[number];
export const CONTENDERS: readonly ContenderName[] = [...COMPILED, ...INSTALLED];

/** The folder `bench` of the checkout, seen from this file's compiled form. */
export const BENCH_FOLDER = fileURLToPath(new URL("../../bench/", import.meta.url));

/** @throws Error for a name that is none. */
export async function contenderOf(name: string): Promise<Contender> {
  if (!CONTENDERS.includes(name as ContenderName)) {
    throw new Error(`Cannot run contender "${name}" as there are only ${CONTENDERS.join(", ")}`);
  }
  const isCompiled = (COMPILED as readonly string[]).includes(name);
  const url = isCompiled
    ? new URL(`./contenders/${name}.js`, import.meta.url)
    : pathToFileURL(`${BENCH_FOLDER}contenders/${name}.js`);
  return (await import(url.href)) as Contender;
}
