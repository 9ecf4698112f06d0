/** Printing of a command that outlives the reader of its output. */

/** Writes a line on stdout, if anybody is there to read it. */
export function print(line: string): void {
  if (process.stdout.writable) process.stdout.write(`${line}\n`);
}
