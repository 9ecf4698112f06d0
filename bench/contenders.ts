/**
 * The contenders by name.
 *
 * Laws: a process loads the one it runs and no other; those of `bench/peers` have packages of their own, which are found from there
 * alone, so that what `npm ci` brings to the checkout is not touched by them.
 */
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Contender } from "./contender.js";

export const OURS = "barewire";
/** Those that need nothing but what `npm ci` brings. */
const COMPILED = [OURS, "grpc-js", "floor"] as const;
/** Those that `bench/peers/package.json` brings. */
export const INSTALLED = ["nice-grpc", "connect-node"] as const;
/** A program of another language. */
export const BUILT = "grpc-go";
/** Those of one row alone. */
type Special = "barewire-load-proto" | "protobufjs" | "proto-loader";
export type ContenderName = (typeof COMPILED)[number] | (typeof INSTALLED)[number] | typeof BUILT | Special;
export const CONTENDERS: readonly ContenderName[] = [...COMPILED, ...INSTALLED, BUILT];

/** The folder of {@link INSTALLED}, seen from this file's compiled form. */
export const PEERS_FOLDER = fileURLToPath(new URL("../../bench/peers/", import.meta.url));

/** @throws Error for a name that is none. */
export async function contenderOf(name: string): Promise<Contender> {
  const known: readonly string[] = [...COMPILED, ...INSTALLED];
  if (!known.includes(name)) throw new Error(`Cannot run contender "${name}" as there are only ${known.join(", ")}`);
  const isCompiled = (COMPILED as readonly string[]).includes(name);
  const url = isCompiled
    ? new URL(`./contenders/${name}.js`, import.meta.url)
    : pathToFileURL(`${PEERS_FOLDER}${name}.js`);
  return (await import(url.href)) as Contender;
}
