/**
 * `npm run conformance`: brings connectconformance, runs it against the client and the server under test, and says how many
 * cases passed. `npm run conformance -- server --trace --run '**\/unary/*'` runs one side, with the tool's own flags behind it.
 *
 * Spec: docs/conformance.md.
 * Laws: the tool's version is pinned, and it lives outside the repository; a run fails when the tool cannot be had, when a
 * case fails, and when fewer cases ran than there are; no case is known to fail.
 */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const MODULE = "connectrpc.com/conformance";
const VERSION = "v1.0.6";
/** For one side. A whole run of one takes seconds; a call that hangs would hold it up for ever. */
const TIMEOUT_MS = 300_000;

const MODES = ["client", "server"] as const;
type Mode = (typeof MODES)[number];

/** Each configuration with the number of cases it has for each side in this version of the suite. */
const CONFIGS: readonly { readonly file: string; readonly cases: Readonly<Record<Mode, number>> }[] = [
  { file: "plain.yaml", cases: { client: 217, server: 198 } },
  { file: "compressed.yaml", cases: { client: 619, server: 550 } },
  { file: "all.yaml", cases: { client: 1068, server: 924 } },
];

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

interface Tool {
  readonly path: string;
  readonly protos: string;
}

/** @throws Error when the tool is not there and cannot be built. */
async function findTool(): Promise<Tool> {
  const peers = process.env["BAREWIRE_PEERS"] ?? join(homedir(), ".cache", "barewire-peers");
  const folder = join(peers, `connectconformance-${VERSION}`);
  const path = join(folder, "connectconformance");
  try {
    if (!existsSync(path)) {
      print(`building ${MODULE}@${VERSION} into ${folder}`);
      await run("go", ["install", `${MODULE}/cmd/connectconformance@${VERSION}`], {
        env: { ...process.env, GOBIN: folder },
      });
    }
    // The module's own copy of the `.proto` files, wherever Go keeps it.
    const { stdout } = await run("go", ["mod", "download", "-json", `${MODULE}@${VERSION}`], { cwd: folder });
    const { Dir: module } = JSON.parse(stdout) as { readonly Dir: string };
    return { path, protos: join(module, "proto") };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot have ${MODULE}@${VERSION}, which takes Go and its modules: ${reason}`, { cause });
  }
}

interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/** Runs one side in one configuration. @throws Error when the tool says nothing of totals. */
async function runMode(tool: Tool, mode: Mode, file: string, flags: readonly string[]): Promise<Totals> {
  const underTest = [process.execPath, "--import", "tsx", join(here, `${mode}.ts`), tool.protos];
  const args = ["--mode", mode, "--conf", join(here, file), ...flags, "--", ...underTest];
  const child = spawn(tool.path, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], timeout: TIMEOUT_MS });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const totals = /^(\d+) passed, (\d+) failed/m.exec(output);
  if (totals === null) throw new Error(`Cannot tell how ${mode} did in ${file}: the tool ended with ${String(code)}`);
  const failed = Number(totals[2]);
  return { passed: Number(totals[1]), failed: failed === 0 && code !== 0 ? 1 : failed };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const modes = MODES.filter((mode) => args[0] === mode || !(MODES as readonly unknown[]).includes(args[0]));
  const flags = modes.length === 1 ? args.slice(1) : args;
  const tool = await findTool();
  const lines: string[] = [];
  let good = true;
  for (const { file, cases } of CONFIGS) {
    for (const mode of modes) {
      print(`\n== ${mode}, ${file}`);
      const { passed, failed } = await runMode(tool, mode, file, flags);
      const tooFew = flags.length === 0 && passed + failed < cases[mode];
      good &&= failed === 0 && passed > 0 && !tooFew;
      const note = tooFew ? `, too few: there are ${cases[mode]}` : "";
      lines.push(`${file.padEnd(16)} ${mode.padEnd(7)} ${passed} passed, ${failed} failed${note}`);
    }
  }
  print(`\n== ${MODULE}@${VERSION}\n${lines.join("\n")}`);
  return good ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
