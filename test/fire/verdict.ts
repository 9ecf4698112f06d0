/**
 * What is held against a run: what the client was told, beside what the servers have written down.
 *
 * Laws: a fault is a sentence with an example; none is forgiven.
 */
import { Code, codeName } from "../../src/index.js";
import type { Kind, Outcome } from "./load.js";

/** A call that a server has run. */
export interface Run {
  readonly at: number;
  readonly server: string;
  readonly id: string;
}

/** Reads what the servers wrote. The last line of one that was killed may not be whole. */
export function readJournal(text: string): Run[] {
  return text.split("\n").flatMap((line) => {
    const [at, server, id] = line.split(" ");
    return at === undefined || server === undefined || id === undefined || !/-\d+$/.test(id)
      ? []
      : [{ at: Number(at), server, id }];
  });
}

/**
 * What must not have happened, whatever was done to the servers. `lost` are the codes by which a client is told that a server went away
 * under its call.
 */
export function faultsOf(
  outcomes: readonly Outcome[],
  runs: readonly Run[],
  lost: readonly Code[] = [Code.UNAVAILABLE],
): string[] {
  const runsById = new Map<string, Run[]>();
  for (const run of runs) runsById.set(run.id, [...(runsById.get(run.id) ?? []), run]);
  const timesRun = (id: string): number => runsById.get(id)?.length ?? 0;
  const faults: string[] = [];
  const hold = (what: string, guilty: readonly Outcome[]): void => {
    const [first] = guilty;
    if (first === undefined) return;
    const servers = (runsById.get(first.id) ?? []).map(({ server }) => server).join(" and ") || "no server";
    faults.push(`${guilty.length} ${what}, such as ${first.id}, run by ${servers}: ${first.text || "OK"}`);
  };
  const of = (kind: Kind): Outcome[] => outcomes.filter((one) => one.kind === kind);
  hold(
    "failed although they may be sent again",
    of("again").filter(({ code }) => code !== Code.OK),
  );
  hold(
    "ran twice although they may not",
    of("once").filter(({ id }) => timesRun(id) > 1),
  );
  hold(
    "streams ran twice",
    of("count").filter(({ id }) => timesRun(id) > 1),
  );
  hold(
    "ended well although no server ran them",
    outcomes.filter(({ id, code }) => code === Code.OK && timesRun(id) === 0),
  );
  hold(
    "failed with something else than that nobody was there",
    outcomes.filter(({ kind, code }) => kind !== "again" && code !== Code.OK && !lost.some((one) => one === code)),
  );
  return faults;
}

/** How far the busiest or idlest server is from an even share, from 0 to 1. */
export function unevenness(runs: readonly Run[], servers: readonly string[]): number {
  const share = runs.length / servers.length;
  const counts = servers.map((name) => runs.filter(({ server }) => server === name).length);
  return Math.max(...counts.map((count) => Math.abs(count - share) / share));
}

/** Calls by kind and end, for a person. */
export function tally(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { kind, code } of outcomes) {
    const key = `${kind} ${code === undefined ? "mistake" : codeName(code)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const lines = [...counts].map(([key, count]) => `${key} ${count}`);
  return lines.toSorted().join(", ");
}
