/**
 * Flags as Go's tools have them: whole words behind one dash, or two.
 *
 * Laws: nothing is guessed: `-up 100` is the flag `up` and never `-u -p 100`; a flag that is not known, is given twice or has no
 * value is refused.
 */
import { quoted } from "../services/peer-text.js";
import { suggestion, UsageError } from "./usage-error.js";

/** A flag: whether it takes a value, may be given several times, and what else it is called. */
export interface GoFlag {
  readonly takes: "nothing" | "a value" | "values";
  readonly alias?: string | undefined;
}

type Value<F extends GoFlag> = F["takes"] extends "nothing" ? true : F["takes"] extends "values" ? string[] : string;

/** What was given, by the flags' names. */
export type GoFlagValues<Flags extends Readonly<Record<string, GoFlag>>> = {
  [Name in keyof Flags]?: Value<Flags[Name]>;
};

/** Parses flags; there may be nothing else. @throws UsageError */
export function parseGoFlags<const Flags extends Readonly<Record<string, GoFlag>>>(
  args: readonly string[],
  flags: Flags,
): GoFlagValues<Flags> {
  const values = new Map<string, true | string | string[]>();
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, typed = "", given] = /^(--?[^=-][^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (typed === "") throw new UsageError(`${quoted(word)} is too much: every value stands behind its flag`);
    const name = nameOf(typed, flags);
    const flag = flags[name] as GoFlag;
    if (flag.takes === "nothing" && given !== undefined) throw new UsageError(`${typed} takes no value`);
    const value = flag.takes === "nothing" ? true : (given ?? valueBehind(typed, rest));
    const before = values.get(name);
    if (before !== undefined && flag.takes === "a value") throw new UsageError(`${typed} is given twice`);
    if (typeof value === "string" && flag.takes === "values") {
      values.set(name, [...((before as string[] | undefined) ?? []), value]);
    } else values.set(name, value);
  }
  return Object.fromEntries(values) as GoFlagValues<Flags>;
}

function nameOf(typed: string, flags: Readonly<Record<string, GoFlag>>): string {
  const bare = typed.replace(/^--?/, "");
  const found = Object.entries(flags).find(([name, { alias }]) => name === bare || alias === bare);
  if (found !== undefined) return found[0];
  const known = Object.entries(flags).flatMap(([name, { alias }]) => [name, ...(alias === undefined ? [] : [alias])]);
  const written = known.map((name) => (name.length === 1 || name === "up" ? `-${name}` : `--${name}`));
  throw new UsageError(`there is no flag ${quoted(typed)}${suggestion(typed, written)}`);
}

function valueBehind(typed: string, rest: string[]): string {
  const value = rest.shift();
  if (value !== undefined && !/^-./.test(value)) return value;
  throw new UsageError(`${typed} needs a value (one that starts with a dash is given as ${typed}=-…)`);
}
