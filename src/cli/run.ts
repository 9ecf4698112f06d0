/**
 * Finds the command that was asked for and runs it.
 *
 * Laws: a mistake in the command line is one line on stderr and exit code 1, never a stack.
 */
import { VERSION } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { call, callHelp } from "./call.js";
import { complete } from "./complete.js";
import { completion, completionHelp } from "./completion.js";
import { demo, demoHelp } from "./demo.js";
import { describe, describeHelp } from "./describe.js";
import { generate, generateHelp } from "./generate.js";
import { list, listHelp } from "./list.js";
import { replay, replayHelp } from "./replay.js";
import { serve, serveHelp } from "./serve.js";
import { trace, traceHelp } from "./trace.js";
import { suggestion, UsageError } from "./usage-error.js";

/** A command: does its work and resolves to the exit code. */
interface Command {
  readonly run: (args: readonly string[]) => Promise<number>;
  readonly summary: string;
  readonly help: string;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  [
    "serve",
    { run: serve, summary: "start a server with the three example services, or with your own", help: serveHelp },
  ],
  ["demo", { run: demo, summary: "play a client of one of them", help: demoHelp }],
  ["call", { run: call, summary: "call a method of any server, in JSON", help: callHelp }],
  ["list", { run: list, summary: "list a server's services, or a service's methods", help: listHelp }],
  ["describe", { run: describe, summary: "show how a service, a message or any name is declared", help: describeHelp }],
  ["trace", { run: trace, summary: "show what passes between clients and a server, byte by byte", help: traceHelp }],
  ["replay", { run: replay, summary: "serve what barewire trace --record has recorded", help: replayHelp }],
  ["generate", { run: generate, summary: "write TypeScript modules from .proto files", help: generateHelp }],
  ["completion", { run: completion, summary: "print a script that completes all this at Tab", help: completionHelp }],
]);

/** Runs a command line; resolves to the exit code, also for what went wrong, which is told on stderr. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    complain(error);
    return error instanceof UsageError ? error.exitCode : 1;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "-v") return print(VERSION);
  if (name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) return print(help());
  // What the shells' scripts call, for no person to type.
  if (name === "__complete") return complete(rest, COMMANDS);
  if (name === undefined)
    throw new UsageError(
      `a command is wanted: ${[...COMMANDS.keys()].join(", ").replace(/, (\w+)$/, " or $1")} (see --help)`,
    );
  const command = COMMANDS.get(name === "help" ? (rest[0] ?? "") : name);
  if (command === undefined) throw unknownCommand(name === "help" ? (rest[0] ?? "") : name);
  return name === "help" || asksForHelp(rest) ? print(command.help) : command.run(rest);
}

/** `--help` wins over whatever else is on the line, but not behind `--`. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h");
}

function unknownCommand(name: string): UsageError {
  const [what, names] = name.startsWith("-")
    ? ["flag", ["--help", "--version"]]
    : ["command", [...COMMANDS.keys(), "help"]];
  return new UsageError(`there is no ${what} ${quoted(name)}${suggestion(name, names)} (see --help)`);
}

function help(): string {
  const lines = [...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  return `barewire ${VERSION}: gRPC on node:http2

usage: barewire <command> [options]

${lines.join("\n")}

  barewire <command> --help     what a command takes
  barewire --version            the version`;
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function complain(error: unknown): void {
  // A mistake of the person is told in one line; anything else is ours, and the stack is what helps to find it.
  const text = error instanceof UsageError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`barewire: ${text}\n`);
}
