/**
 * The requests of a call: JSON from the command line, a file or standard input.
 *
 * Laws: a request is given out as soon as its text is complete, and nothing is read ahead of what is asked for; what is wrong with
 * one is told with its place in the input and the path of the field.
 */
import { createReadStream, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { fromJsonString, type MessageType, type TypeRegistry } from "../index.js";
import { quoted } from "../services/peer-text.js";
import { mistake } from "./mistakes.js";
import { type JsonText, JsonValues } from "./json-values.js";
import { printable } from "./printable.js";

/** Where requests come from. */
export interface RequestInput {
  /** As errors call it. */
  readonly name: string;
  /** The values, one by one. @throws UsageError when the input cannot be read. */
  values(): AsyncGenerator<JsonText, void, undefined>;
  /** Stops waiting for more: the values end. */
  stop(): void;
}

/** The input that `-d` names; `undefined` where there was none. */
export function requestInput(data: string | undefined): RequestInput | undefined {
  if (data === undefined) return undefined;
  if (!data.startsWith("@")) return inputOf("--data", [Buffer.from(data)], () => undefined);
  const path = data.slice(1);
  if (path !== "" && path !== "-") {
    const name = `--data ${quoted(data)}`;
    const file = createReadStream(path, { fd: open(path, name) });
    return inputOf(name, file, () => void file.destroy());
  }
  const { stdin } = process;
  if (stdin.isTTY) process.stderr.write("requests are read from here, as JSON; Ctrl-D ends them\n");
  return inputOf("standard input", stdin, () => void stdin.destroy());
}

/** Opened at once, as a file that is not there is to be told before anything is called. */
function open(path: string, name: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw mistake(`${name}: ${readFault(error)}`, error);
  }
}

function inputOf(name: string, source: Readable | readonly Uint8Array[], stop: () => void): RequestInput {
  let stopped = false;
  return {
    name,
    stop: () => {
      stopped = true;
      stop();
    },
    async *values() {
      const values = new JsonValues();
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
      try {
        for await (const chunk of source) yield* values.push(decoder.decode(chunk as Uint8Array, { stream: true }));
        decoder.decode();
      } catch (error) {
        if (stopped) return;
        throw mistake(`${name}: ${readFault(error)}`, error);
      }
      if (!stopped) yield* values.end();
    },
  };
}

const READ_FAULTS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["ENOTDIR", "there is no such file"],
  ["EACCES", "it may not be read"],
  ["EISDIR", "it is a directory"],
  ["ERR_ENCODING_INVALID_ENCODED_DATA", "it must be UTF-8"],
]);

function readFault(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return READ_FAULTS.get(code) ?? (error instanceof Error ? error.message : String(error));
}

/** How requests are read. */
export interface RequestForm {
  readonly type: MessageType;
  /** Whether names that mean no field are passed over. */
  readonly ignoreUnknown: boolean;
  /** Where the types of `Any` values are looked up. */
  readonly types: TypeRegistry;
}

/** The request that a value stands for. @throws UsageError naming its place and what is wrong. */
export function readRequest(json: JsonText, input: RequestInput, { type, ...options }: RequestForm): unknown {
  try {
    return fromJsonString(type, json.text, options);
  } catch (error) {
    if (error instanceof SyntaxError) throw mistake(`${input.name}: ${printable(placed(error.message, json))}`, error);
    if (!(error instanceof TypeError)) throw error;
    const which = json.number === 1 && json.line === 1 ? "" : `request ${json.number}, at line ${json.line}: `;
    throw mistake(`${input.name}: ${which}${printable(error.message)}`, error);
  }
}

/** The parser counts from where the value begins. */
function placed(message: string, { line, column }: JsonText): string {
  return message.replace(/at line (\d+), column (\d+)/, (_, l: string, c: string) => {
    const inLine = Number(l) === 1 ? Number(c) + column - 1 : Number(c);
    return `at line ${Number(l) + line - 1}, column ${inLine}`;
  });
}
