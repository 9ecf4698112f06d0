/**
 * `barewire replay`: a server that answers as a recording says.
 *
 * Laws: a file that is no recording is refused with the line and what was wanted there; what was not recorded is answered with a sentence.
 */
import { readFileSync, statSync } from "node:fs";
import { Server } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { parseRecording, RecordingError, type Recording } from "../transport/inspect/recording/recording.js";
import { drainWhenTold, END_SIGNALS } from "./end-of-serving.js";
import { listenAt, parsePlace } from "./listen-place.js";
import { print } from "./print.js";
import { printable } from "./printable.js";
import { addRecorded, recordedSchema } from "./recorded-services.js";
import { formatCall } from "./serve.js";
import { parseCommand, UsageError } from "./usage-error.js";

export const replayHelp = `usage: barewire replay FILE [-p PORT] [options]

A server that answers with the calls of FILE, which barewire trace --record has written. A call is answered by a recorded one of its
method: where several were recorded, by one whose requests were the same bytes, and of these by each in turn. What was not
recorded is UNIMPLEMENTED, or NOT_FOUND where only the requests are others. Reflection tells of the services as they were declared.

  -p, --port N       the port to listen at; default 50051; 0 takes a free one
  -l, --host H       the address to listen at; default 127.0.0.1
  --unix PATH        a unix socket to listen at, in place of host and port
  --timing           messages come as late as they did
  --strict           a method of which one call was recorded answers only the same requests, too
  --quiet            no line for every call
  --help             this text

Ctrl-C ends it.`;

const OPTIONS = {
  port: { type: "string", short: "p" },
  host: { type: "string", short: "l" },
  unix: { type: "string" },
  timing: { type: "boolean" },
  strict: { type: "boolean" },
  quiet: { type: "boolean" },
} as const;

const MAX_FILE_BYTES = 400_000_000;
const REFLECTION = /^\/grpc\.reflection\./;
const HEALTH = /^\/grpc\.health\./;

/** Runs the command until a signal ends it; resolves to the exit code. @throws UsageError */
export async function replay(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseCommand(args, OPTIONS);
  const [file, tooMuch] = positionals;
  if (file === undefined) throw new UsageError("replay wants a recording: barewire replay FILE");
  if (tooMuch !== undefined) throw new UsageError(`replay takes one recording: ${quoted(tooMuch)} is too much`);
  const place = parsePlace(values);
  const recording = readRecording(file);
  const server = serverOf(file, recording, values);
  const address = await listenAt(server, place);
  const stopped = drainWhenTold(server, { signals: END_SIGNALS, supervision: undefined });
  for (const line of [`listening on ${address}`, ...described(recording)]) print(line);
  await stopped;
  return 0;
}

/** @throws UsageError */
export function readRecording(file: string): Recording {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES)
      throw new UsageError(`${quoted(file)} has ${size} bytes: ${MAX_FILE_BYTES} are read at most`);
    return parseRecording(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof RecordingError) {
      throw new UsageError(`${printable(file)}:${error.line}: ${printable(error.message)}`, { cause: error });
    }
    throw new UsageError(`cannot read ${quoted(file)}: ${printable((error as Error).message)}`, { cause: error });
  }
}

interface ReplayFlags {
  readonly timing?: boolean | undefined;
  readonly strict?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** A server with the services of a recording. @throws UsageError */
export function serverOf(file: string, recording: Recording, { timing, strict, quiet }: ReplayFlags = {}): Server {
  const recorded = (pattern: RegExp): boolean => recording.calls.some(({ method }) => pattern.test(method));
  try {
    const schema = recordedSchema(recording);
    const server = new Server({
      health: !recorded(HEALTH),
      // What services are declared as says more than the questions that were asked about it.
      reflection: schema !== undefined || !recorded(REFLECTION),
      ...(quiet === true ? {} : { onCallEnd: (ended) => print(formatCall(ended, new Date())) }),
    });
    addRecorded(server, recording, schema, { timing: timing === true, strict: strict === true });
    return server;
  } catch (error) {
    throw new UsageError(`${printable(file)}: ${printable((error as Error).message)}`, { cause: error });
  }
}

function described({ remote, calls, isCut }: Recording): string[] {
  const counts = new Map<string, number>();
  for (const { method } of calls) counts.set(method, (counts.get(method) ?? 0) + 1);
  const lines = [...counts].slice(0, MAX_SHOWN).map(([method, count]) => `  ${printable(method)}: ${count}`);
  return [
    `recorded from ${printable(remote)}: ${calls.length} ${calls.length === 1 ? "call" : "calls"}${isCut ? ", and the recording is cut at its end" : ""}`,
    ...lines,
    ...(counts.size > MAX_SHOWN ? [`  … and ${counts.size - MAX_SHOWN} methods more`] : []),
  ];
}

const MAX_SHOWN = 50;
