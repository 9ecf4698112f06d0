/**
 * The `barewire` command as a process.
 *
 * Laws: who stops reading the output (`| head`) ends nothing with a stack.
 */
import { runCommandLine } from "./run.js";

/** The reader of our output is gone: what is written from now on goes nowhere, which is no reason to fail. */
function outliveReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

process.stdout.on("error", outliveReader);
process.stderr.on("error", outliveReader);
void runCommandLine(process.argv.slice(2)).then((code) => (process.exitCode = code));
