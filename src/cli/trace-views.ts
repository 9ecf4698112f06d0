/**
 * What `barewire trace` makes of what passes: lines as it happens, blocks for calls, JSON, counts, a capture file; of all calls or of some.
 *
 * Laws: a flag that would change nothing is a mistake and said to be one; what is on stdout is of one form.
 */
import { createWriteStream, type WriteStream } from "node:fs";
import { once } from "node:events";
import { CallFilter } from "../transport/inspect/call-filter.js";
import { CallView } from "../transport/inspect/call-view.js";
import type { Reading } from "../transport/inspect/connection-watch.js";
import { FilteredEvents } from "../transport/inspect/filtered-events.js";
import { Secrets } from "../transport/inspect/header-words.js";
import { JsonView } from "../transport/inspect/json-view.js";
import { LiveView } from "../transport/inspect/live-view.js";
import type { TypesOf } from "../transport/inspect/message-content.js";
import { OrderedOutput } from "../transport/inspect/ordered-output.js";
import { MAX_RECORDED_BYTES, Recorder } from "../transport/inspect/recording/recorder.js";
import { PcapFile } from "../transport/inspect/pcap-file.js";
import { Tally } from "../transport/inspect/tally.js";
import { eventClock, type Hear, isAboutConnections } from "../transport/inspect/wire-event.js";
import { quoted } from "../services/peer-text.js";
import type { GoFlagValues } from "./go-flags.js";
import { printable } from "./printable.js";
import { parseWholeNumber, UsageError } from "./usage-error.js";

/** The flags that say what is shown, and how. */
export const VIEW_FLAGS = {
  stats: { takes: "nothing", alias: "s" },
  quiet: { takes: "nothing", alias: "q" },
  "by-call": { takes: "nothing" },
  json: { takes: "nothing" },
  pcap: { takes: "a value" },
  record: { takes: "a value" },
  "record-limit": { takes: "a value" },
  method: { takes: "values" },
  status: { takes: "values" },
  stream: { takes: "values" },
  metadata: { takes: "values" },
  hex: { takes: "a value" },
  redact: { takes: "values" },
  "show-secrets": { takes: "nothing" },
} as const;

/** What the help says of them. */
export const viewHelp = `  -s, --stats          what passed, counted, when a connection ends and at the end
  -q, --quiet          no frames and calls: connections alone, and what -s counts
  --by-call            a block for each call when it has ended: what passed when, and who waited for whom
  --json               one event a line, for programs: docs/inspector-events.md says what stands in it
  --pcap FILE          what passes goes into FILE as well, for Wireshark; it holds all that was said, secrets included
  --record FILE        the calls that are shown go into FILE as well, for barewire replay; secrets in headers do not
  --record-limit SIZE  … which becomes no larger than that, such as 10MB; default 64MB

  --hex N              bytes of a frame to show in hex; default 256, with --json none; 0 for none
  --redact NAME        a header whose value is printed as ***, as authorization and cookies are; may be given several times
  --show-secrets       hide nothing

Of all calls these are shown; each may be given several times, and one of them is enough:
  --method M           whose path ends so: GetFeature, RouteGuide/*, routeguide.*
  --status S           that end so: a name or a number, failed for all but OK, reset, lost, or none. They are shown when they end
  --stream N           on stream N; 0 is what is about the connection itself
  --metadata 'k: v'    that have this in the headers of either side or in the trailers; 'k' alone for any value, * in v for any text`;

/** The flags, as they were given. */
export type ViewFlags = GoFlagValues<typeof VIEW_FLAGS>;

/** What hears of everything. */
export interface Views {
  readonly hear: Hear;
  /** How much has to be read of the bytes for it. */
  readonly reading: Reading;
  /** What is kept of a message, in bytes, where not the default. */
  readonly maxMessageBytes: number | undefined;
  /** A promise to wait for when they cannot keep up. */
  readonly room: () => Promise<void> | undefined;
  /** There is nothing more to come. */
  readonly end: () => Promise<void>;
}

const DEFAULT_HEX_BYTES = 256;
const MAX_HEX_BYTES = 16 * 1024 * 1024;
const MAX_STREAM = 2 ** 31 - 1;
const FILTERS = ["method", "status", "stream", "metadata"] as const;

/** Checks what can be checked before anything is opened. @throws UsageError */
export function checkViews(flags: ViewFlags, showCalls: boolean): void {
  const isQuiet = flags.quiet === true;
  const refuse = (flag: keyof ViewFlags, why: string): void => {
    if (flags[flag] !== undefined) throw new UsageError(`--${flag} ${why}`);
  };
  if (flags.json === true) refuse("by-call", "and --json are two ways to show the same: say one");
  if (isQuiet) refuse("by-call", "shows calls, and -q shows none: say one of them");
  if (isQuiet) refuse("hex", "is for frames, and -q shows none");
  if (flags["by-call"] === true) refuse("hex", "is for frames, and --by-call shows none");
  if (!showCalls) {
    for (const flag of ["by-call", "method", "status", "metadata"] as const) {
      refuse(flag, "is about calls, and -t http2 knows none");
    }
  }
  if (isQuiet && flags.stats !== true) {
    for (const flag of FILTERS) refuse(flag, "chooses among calls, and -q shows none: with -s they are counted");
  }
  if (flags.record === undefined) refuse("record-limit", "is for --record");
  if (!showCalls) refuse("record", "is about calls, and -t http2 knows none");
  readFilter(flags);
  hexBytesOf(flags);
  recordLimitOf(flags);
}

/** Opens what the flags ask for. @throws UsageError */
export async function openViews(flags: ViewFlags, showCalls: boolean, typesOf: TypesOf): Promise<Views> {
  const output = new OrderedOutput(process.stdout);
  const pcap = flags.pcap === undefined ? undefined : await openPcap(flags.pcap);
  const recorder = flags.record === undefined ? undefined : await openRecorder(flags.record, flags, typesOf);
  const isQuiet = flags.quiet === true;
  const view = viewOf(flags, output, typesOf);
  const shown: Hear = isQuiet ? (event) => (isAboutConnections(event) ? view(event) : undefined) : view;
  const tally = flags.stats === true ? new Tally(view) : undefined;
  const chosen = filtered(readFilter(flags), (event) => {
    shown(event);
    tally?.hear(event);
    recorder?.recorder.hear(event);
  });
  return {
    hear: (event) => {
      pcap?.file.hear(event);
      chosen(event);
    },
    reading: isQuiet && tally === undefined && recorder === undefined ? "nothing" : showCalls ? "calls" : "frames",
    maxMessageBytes: recorder !== undefined ? MAX_RECORDED_BYTES : isQuiet ? 0 : undefined,
    room: () => (isQuiet ? undefined : output.room()) ?? pcap?.output.room() ?? recorder?.output.room(),
    end: async () => {
      tally?.end(eventClock());
      await output.flushed();
      await pcap?.close();
      await recorder?.close();
    },
  };
}

function viewOf(flags: ViewFlags, output: OrderedOutput, typesOf: TypesOf): Hear {
  const secrets = new Secrets({ more: flags.redact ?? [], showAll: flags["show-secrets"] === true });
  const hexBytes = hexBytesOf(flags);
  const colour = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "";
  const view =
    flags.json === true
      ? new JsonView(output, { secrets, hexBytes, typesOf })
      : flags["by-call"] === true
        ? new CallView(output, { secrets, colour, typesOf })
        : new LiveView(output, { secrets, hexBytes, colour, typesOf });
  return (event) => view.hear(event);
}

function hexBytesOf({ hex, json }: ViewFlags): number {
  return parseWholeNumber("--hex", hex ?? String(json === true ? 0 : DEFAULT_HEX_BYTES), 0, MAX_HEX_BYTES);
}

function filtered(filter: CallFilter, hear: Hear): Hear {
  if (filter.showsAll) return hear;
  const events = new FilteredEvents(filter, hear);
  return (event) => events.hear(event);
}

/** @throws UsageError */
function readFilter({ method, status, stream, metadata }: ViewFlags): CallFilter {
  const streams = stream?.map((one) => parseWholeNumber("--stream", one, 0, MAX_STREAM));
  try {
    return new CallFilter({ methods: method, statuses: status, streams, metadata });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(printable(error.message), { cause: error });
  }
}

interface OpenPcap {
  readonly file: PcapFile;
  readonly output: OrderedOutput;
  readonly close: () => Promise<void>;
}

/** It may hold secrets: a new file is this user's alone. */
async function openPcap(name: string): Promise<OpenPcap> {
  const stream = await openFile("--pcap", name);
  const output = new OrderedOutput(stream);
  return { file: new PcapFile((bytes) => output.add(bytes)), output, close: () => closed(stream) };
}

interface OpenRecorder {
  readonly recorder: Recorder;
  readonly output: OrderedOutput;
  readonly close: () => Promise<void>;
}

async function openRecorder(name: string, flags: ViewFlags, typesOf: TypesOf): Promise<OpenRecorder> {
  const stream = await openFile("--record", name);
  const output = new OrderedOutput(stream);
  const limitBytes = recordLimitOf(flags);
  const recorder = new Recorder(output, {
    secrets: new Secrets({ more: flags.redact ?? [], showAll: flags["show-secrets"] === true }),
    typesOf,
    limitBytes,
    full: () =>
      process.stderr.write(`barewire: --record: ${limitBytes} bytes are reached, and nothing more is recorded\n`),
  });
  const close = async (): Promise<void> => {
    await output.flushed();
    await closed(stream);
  };
  return { recorder, output, close };
}

/** What it holds is for this user alone. @throws UsageError */
async function openFile(flag: string, name: string): Promise<WriteStream> {
  const stream = createWriteStream(name, { mode: 0o600 });
  try {
    await once(stream, "open");
  } catch (error) {
    throw new UsageError(`${flag} ${quoted(name)}: ${printable((error as Error).message)}`, { cause: error });
  }
  stream.on("error", (error) => process.stderr.write(`barewire: ${flag}: ${printable(error.message)}\n`));
  return stream;
}

const DEFAULT_RECORD_LIMIT = "64MB";
const MIN_RECORD_BYTES = 1000;
const MAX_RECORD_BYTES = 256_000_000;
const SIZES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["KB", 1000],
  ["MB", 1_000_000],
]);

/** @throws UsageError */
function recordLimitOf({ "record-limit": limit = DEFAULT_RECORD_LIMIT }: ViewFlags): number {
  const [, number = "", unit = ""] = /^(\d{1,12})(KB|MB)?$/i.exec(limit) ?? [];
  const bytes = number === "" ? Number.NaN : Number(number) * (SIZES.get(unit.toUpperCase()) ?? Number.NaN);
  if (bytes >= MIN_RECORD_BYTES && bytes <= MAX_RECORD_BYTES) return bytes;
  throw new UsageError(
    `--record-limit must be a size such as 500KB or 10MB, from 1KB to 256MB: current value is ${quoted(limit)}`,
  );
}

async function closed(stream: WriteStream): Promise<void> {
  if (stream.destroyed) return;
  stream.end();
  await once(stream, "close");
}
