// Makes the API reference in docs/api/made/html of the declarations that a build has. Fails on what is not documented, on types that are
// not exported and on links that lead nowhere.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const place = join(root, "docs", "api");
const made = join(place, "made");

function run(command, args, cwd) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

// TypeDoc reads no TypeScript 7, so it has an older one of its own, which must not be what compiles the sources.
if (!existsSync(join(place, "node_modules", "typedoc"))) {
  run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], place);
}
rmSync(made, { recursive: true, force: true });
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
const types = ["--outDir", join(made, "types"), "--emitDeclarationOnly"];
run(process.execPath, [tsc, "--project", "tsconfig.build.json", ...types], root);
run(process.execPath, [join(place, "node_modules", "typedoc", "bin", "typedoc"), "--options", "typedoc.json"], place);
