/**
 * The coverage gate: fails when less of the source was run by the tests than the project holds itself to.
 *
 * Laws: it reads what the last `c8` run wrote; a source that no test loads counts as not run; what fails is named, worst first.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The least share of lines, in percent, that the tests must run of all sources below a folder together. */
const GATES = [
  { folder: "src/codec/", minPercent: 95 },
  { folder: "src/", minPercent: 90 },
] as const;

const WORST_SHOWN = 10;

interface FileCoverage {
  readonly path: string;
  readonly total: number;
  readonly covered: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));

function readCoverage(): FileCoverage[] {
  const summary = JSON.parse(readFileSync(join(root, "coverage", "coverage-summary.json"), "utf8")) as Record<
    string,
    { readonly lines: { readonly total: number; readonly covered: number } }
  >;
  return Object.entries(summary)
    .filter(([path]) => path !== "total")
    .map(([path, { lines }]) => ({ path: relative(root, path).replaceAll("\\", "/"), ...lines }));
}

/** The sources that the report knows nothing of. */
function missing(coverage: readonly FileCoverage[]): string[] {
  const known = new Set(coverage.map(({ path }) => path));
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `src/${file.replaceAll("\\", "/")}`)
    .filter((path) => !known.has(path));
}

function percentOf(files: readonly FileCoverage[]): number {
  const total = files.reduce((sum, file) => sum + file.total, 0);
  const covered = files.reduce((sum, file) => sum + file.covered, 0);
  return total === 0 ? 0 : (covered / total) * 100;
}

function main(): number {
  const coverage = readCoverage();
  let failed = 0;
  for (const path of missing(coverage)) {
    process.stdout.write(`coverage: ${path} is not in the report\n`);
    failed++;
  }
  for (const { folder, minPercent } of GATES) {
    const files = coverage.filter(({ path }) => path.startsWith(folder));
    const percent = percentOf(files);
    const ok = percent >= minPercent;
    process.stdout.write(
      `coverage: ${percent.toFixed(1)} % of the lines of ${files.length} files in ${folder}, at least ${minPercent} % wanted${ok ? "" : ": too little"}\n`,
    );
    if (ok) continue;
    failed++;
    const worst = files.toSorted((a, b) => b.total - b.covered - (a.total - a.covered)).slice(0, WORST_SHOWN);
    for (const { path, total, covered } of worst) {
      process.stdout.write(`  ${path}: ${total - covered} of ${total} lines were not run\n`);
    }
  }
  return failed === 0 ? 0 : 1;
}

process.exitCode = main();
