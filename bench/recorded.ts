/**
 * The results that are kept with the source, for the docs and for what continuous integration compares with.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RowResult } from "./report.js";
import type { Settings } from "./settings.js";

/** All that a run has measured, as --json writes it. */
export interface Report {
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly date: string;
  readonly settings: Pick<Settings, "rounds" | "turnMs">;
  readonly rows: readonly RowResult[];
}

export const RECORDED_MAJORS = [20, 24] as const;

/** The root of the checkout, from this file and from its compiled form. */
const root = new URL(import.meta.url.includes("/.bench/") ? "../../" : "../", import.meta.url);

export function pathInCheckout(path: string): string {
  return fileURLToPath(new URL(path, root));
}

export function recordedPath(major: number): string {
  return pathInCheckout(`bench/recorded/${major}.json`);
}

/** What was recorded for a version of Node, or for the one before it; `undefined` when nothing was. */
export function readRecorded(major: number): Report | undefined {
  const recorded = RECORDED_MAJORS.findLast((one) => one <= major && existsSync(recordedPath(one)));
  return recorded === undefined ? undefined : readReport(recordedPath(recorded));
}

export function readReport(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8")) as Report;
}
