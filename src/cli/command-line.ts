/**
 * A command line that is still being typed: its words, and what of them are flags.
 *
 * Laws: which flags a command has, and which of them take a value, its help says.
 */

/** The flags of a command by their names, `--data` and `-d` alike: whether each takes a value. */
export function flagsIn(help: string): ReadonlyMap<string, boolean> {
  const flags = new Map<string, boolean>();
  for (const [, short, long = "", rest = ""] of help.matchAll(/^ {2}(?:(-\w), )?(--[a-z][\w-]*)(.*)$/gm)) {
    // One space and a word is a value; several spaces are the gap to what the flag means.
    const takesValue = /^ \S/.test(rest);
    flags.set(long, takesValue);
    if (short !== undefined) flags.set(short, takesValue);
  }
  return flags;
}

/** The words of a line as a shell takes them apart; the last is the one being typed, `""` behind a space. */
export function splitLine(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string;
    if (char === "\\" && quote !== "'") word = (word ?? "") + (line[++i] ?? "");
    else if (char === quote) quote = "";
    else if (quote === "" && (char === "'" || char === '"')) [quote, word] = [char, word ?? ""];
    else if (quote === "" && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  return [...words, word ?? ""];
}

/** What stands before the word being typed. */
export interface Before {
  /** The words that are no flags and no values of any. */
  readonly positionals: readonly string[];
  /** The flag whose value is being typed. */
  readonly pending: string | undefined;
}

/** Tells flags from the rest. */
export function readBefore(words: readonly string[], flags: ReadonlyMap<string, boolean>): Before {
  const positionals: string[] = [];
  let pending: string | undefined;
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (word.startsWith("-") && word.length > 1) pending = flags.get(word) === true ? word : undefined;
    else positionals.push(word);
  }
  return { positionals, pending };
}
