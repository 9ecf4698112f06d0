/**
 * grpc-go, built from `bench/go` where this machine has Go: the contender that is no Node library.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("../../bench/go/", import.meta.url));

/** Where other programs of this kind are, too: see `test/interop/peers.sh`. */
const peers = process.env["BAREWIRE_PEERS"] ?? join(homedir(), ".cache", "barewire-peers");

/** Builds it unless that was done. Gives the program, or the reason why there is none. */
export function buildGrpcGo(): { readonly program: string } | { readonly missing: string } {
  if (spawnSync("go", ["version"]).error !== undefined) return { missing: "go is not installed" };
  const hash = createHash("sha256");
  for (const file of readdirSync(SOURCE).toSorted()) hash.update(readFileSync(join(SOURCE, file)));
  const folder = join(peers, `bench-go-${hash.digest("hex").slice(0, 12)}`);
  const program = join(folder, "grpc-go");
  if (existsSync(program)) return { program };
  console.log("building grpc-go …");
  mkdirSync(folder, { recursive: true });
  const env = {
    ...process.env,
    GOPATH: join(peers, "go"),
    GOCACHE: join(peers, "go-build"),
    GOFLAGS: "-p=1 -modcacherw -buildvcs=false",
  };
  const { status, stderr } = spawnSync("go", ["build", "-o", program, "."], { cwd: SOURCE, env, encoding: "utf8" });
  return status === 0 ? { program } : { missing: `go build failed: ${stderr.trim().split("\n").at(-1) ?? ""}` };
}
