#!/usr/bin/env node
// The installed command. It runs what `npm run build` made; a fresh checkout does not have that yet.
import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write(
    "barewire: this checkout is not built yet: run `npm run build`, or use `npm run -s barewire --` in its place\n",
  );
  process.exitCode = 1;
}
