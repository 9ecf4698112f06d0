/**
 * What is wrong with a command line, and what was probably meant.
 *
 * Laws: one line, saying what was wanted and what came.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { nearestName } from "../codec/nearest-name.js";
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

/** `; did you mean x?` when one of `known` is near to `typed`, else nothing. */
export function suggestion(typed: string, known: readonly string[]): string {
  return asQuestion(nearestName(typed, known));
}

/** `; did you mean x?`, or nothing. */
export function asQuestion(name: string | undefined): string {
  return name === undefined ? "" : `; did you mean ${name}?`;
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
