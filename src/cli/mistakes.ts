/**
 * Mistakes in a command line whose exit code must not be mistaken for a status.
 */
import { UsageError } from "./usage-error.js";

/** What a command ends with when it was told something that cannot be: the number that sysexits.h has for it. */
export const EXIT_USAGE = 64;

/** A mistake in the command line or in what it names: told in one line, and the exit code is none of a status. */
export function mistake(message: string, cause?: unknown): UsageError {
  return new UsageError(message, { cause, exitCode: EXIT_USAGE });
}

/** Runs `work`; every mistake that it finds in the command line ends with the exit code for one. */
export function asMistake<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof UsageError && error.exitCode === 1 ? mistake(error.message, error) : error;
  }
}
