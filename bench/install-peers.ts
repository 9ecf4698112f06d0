/**
 * Brings the packages of the peers that only the bench needs, where they are missing: `npm ci` in `bench/peers`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PEERS_FOLDER } from "./contenders.js";

/** Why they cannot be had; `undefined` when they are there. */
export function installPeers(): string | undefined {
  if (isInstalled()) return undefined;
  console.log("installing the peers in bench/peers …");
  const { status, error, stderr } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: PEERS_FOLDER,
    encoding: "utf8",
  });
  if (status === 0) return undefined;
  const reason = error?.message ?? stderr.trim().split("\n").slice(-3).join(" ");
  return `npm ci in bench/peers failed: ${reason}`;
}

/** Whether what is there is what the lockfile wants: npm writes a lockfile of its own beside what it installs. */
function isInstalled(): boolean {
  const installed = join(PEERS_FOLDER, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return false;
  const packagesOf = (file: string): Record<string, { version?: string }> =>
    (JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, { version?: string }> }).packages;
  const have = packagesOf(installed);
  return Object.entries(packagesOf(join(PEERS_FOLDER, "package-lock.json"))).every(
    ([path, { version }]) => path === "" || have[path]?.version === version,
  );
}
