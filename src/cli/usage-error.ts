/**
 * What is wrong with a command line, and what was probably meant.
 *
 * Laws: one line, saying what was wanted and what came.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { quoted } from "../services/peer-text.js";

/** A mistake of the person who typed the command; `message` is all that is shown of it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What the command ends with; 1 where it does not say otherwise. */
  readonly exitCode: number;

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Options of a command as `parseArgs` takes them. */
type Options = NonNullable<ParseArgsConfig["options"]>;

/** The values of the options that were given, typed by what each takes, and what is no option. */
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true; strict: true }>
>;

/**
 * Parses a command's arguments, strictly.
 *
 * @throws UsageError naming the flag that is unknown, with the nearest known one, or the value that is missing.
 */
export function parseCommand<const O extends Options>(args: readonly string[], options: O): Parsed<O> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(explain(error, Object.keys(options)), { cause: error });
  }
}

function explain(error: unknown, names: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const flag = /'(?:-\w, )?(-[^' ]*)/.exec(message)?.[1] ?? "";
  if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") {
    return `there is no flag ${quoted(flag)}${suggestion(
      flag,
      names.map((name) => `--${name}`),
    )}`;
  }
  if (code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE") {
    if (message.includes("does not take an argument")) return `${flag} takes no value`;
    return `${flag} needs a value (one that starts with a dash is given as ${flag}=-…)`;
  }
  return message.replaceAll(/\s+/g, " ");
}

/** `; did you mean "x"?` when one of `known` is near to `typed`, else nothing. */
export function suggestion(typed: string, known: readonly string[]): string {
  let nearest: string | undefined;
  // Half of the letters wrong is not a slip any more, and three never are.
  let least = Math.min(3, Math.ceil(typed.replace(/^-+/, "").length / 2));
  for (const name of known) {
    const distance = editDistance(typed, name);
    if (distance > least || (distance === least && nearest !== undefined)) continue;
    nearest = name;
    least = distance;
  }
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

/** How many letters must be added, removed, replaced or swapped with their neighbour to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  // What is much longer than any name is no slip; comparing it would only take time.
  if (a.length > 64) return Infinity;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? cell(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(cell(i - 1, j) + 1, cell(i, j - 1) + 1, replaced, swapped));
    }
  }
  return cell(a.length, b.length);
}

/**
 * A whole number given as text.
 *
 * @throws UsageError naming the flag, the range and what came.
 */
export function parseWholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag} must be a whole number from ${min} to ${max}: current value is ${quoted(text)}`);
}
