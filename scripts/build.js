// Builds the package: `dist/` from nothing, with the compiler that also checks the types.
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

// A file whose source is gone must not be published, so nothing of the last build stays.
rmSync(join(root, "dist"), { recursive: true, force: true });

const packageJson = createRequire(import.meta.url).resolve("typescript/package.json");
const tsc = join(dirname(packageJson), "bin", "tsc");
const { status, error } = spawnSync(process.execPath, [tsc, "--project", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (error !== undefined) throw error;
if (status !== 0) {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  process.exit(status ?? 1);
}

chmodSync(join(root, "bin", "barewire.js"), 0o755);
