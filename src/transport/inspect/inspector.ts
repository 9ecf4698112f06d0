/**
 * The inspector in process: a tap for servers and channels that prints what `barewire trace` prints, without a proxy.
 *
 * Spec: RFC 9113 §6; PROTOCOL-HTTP2.md.
 * Laws: what passes waits for who reads the lines, so that memory is bounded; names of fields come from the methods that the server or
 * channel has itself, and nobody is asked.
 */
import type { Writable } from "node:stream";
import type { Tap, TapListener, TappedEnd, TappedMethod } from "../tap.js";
import { CallView } from "./call-view.js";
import { ConnectionWatch } from "./connection-watch.js";
import { Secrets } from "./header-words.js";
import { JsonView } from "./json-view.js";
import { LiveView } from "./live-view.js";
import type { TypesOf } from "./message-content.js";
import { OrderedOutput } from "./ordered-output.js";
import { eventClock, type WireEvent } from "./wire-event.js";

/** What {@link inspector} can be told. */
export interface InspectorOptions {
  /** Where it prints to. Default: standard error, as standard output may be what the program is for. */
  readonly output?: Writable | undefined;
  /** Lines as it happens (the default), a block for each call when it has ended, or JSON, an event a line. */
  readonly view?: "lines" | "calls" | "json" | undefined;
  /** How many bytes of each frame are shown in hex. Default 256, with JSON none; 0 for none. */
  readonly hexBytes?: number | undefined;
  /** Headers whose values print as `***`, besides `authorization`, `proxy-authorization`, `cookie` and `set-cookie`. */
  readonly redact?: readonly string[] | undefined;
  /** Hides nothing. Default `false`. */
  readonly showSecrets?: boolean | undefined;
  /** Frames alone, without messages and calls. Default `false`. */
  readonly framesOnly?: boolean | undefined;
  /** Default: where the output is a terminal and NO_COLOR is not set. */
  readonly colour?: boolean | undefined;
}

const VIEWS = ["lines", "calls", "json"];
const NAMES = ["output", "view", "hexBytes", "redact", "showSecrets", "framesOnly", "colour"];
const DEFAULT_HEX_BYTES = 256;
const MAX_HEX_BYTES = 16 * 1024 * 1024;
/** Methods whose types are kept in mind; a program has fewer. */
const MAX_METHODS = 10_000;

/**
 * Prints every frame, message and call of the servers and channels that have it as their `tap`:
 * `new Server({ tap: inspector() })`, `new Channel(target, { tap: inspector() })`. With TLS it sees what is inside. Connections are
 * numbered in the order in which they began, whoever has them. For looking, not for production: it costs several times what the calls do.
 *
 * @throws TypeError for an option that does not exist or cannot be used.
 */
export function inspector(options: InspectorOptions = {}): Tap {
  checkOptions(options);
  const output = options.output ?? process.stderr;
  const ordered = new OrderedOutput(output);
  const methods = new Map<string, TappedMethod>();
  const view = viewOf(options, ordered, isTerminal(output), (path) => methods.get(path));
  let connections = 0;
  return {
    connection: (end) => {
      const hear = (event: WireEvent): void => {
        if (event.kind === "headers" && event.role === "request") learn(methods, end, event.call?.path);
        view.hear(event);
      };
      const reading = options.framesOnly === true ? "frames" : "calls";
      return listener(end, new ConnectionWatch(++connections, hear, { reading }), () => ordered.room());
    },
  };
}

function isTerminal(output: Writable): boolean {
  return (output as { readonly isTTY?: boolean }).isTTY === true && (process.env["NO_COLOR"] ?? "") === "";
}

function viewOf(
  { view, hexBytes, redact, showSecrets, colour: asked }: InspectorOptions,
  output: OrderedOutput,
  mayColour: boolean,
  typesOf: TypesOf,
): { hear(event: WireEvent): void } {
  const secrets = new Secrets({ more: redact ?? [], showAll: showSecrets === true });
  const colour = asked ?? mayColour;
  if (view === "json") return new JsonView(output, { secrets, hexBytes: hexBytes ?? 0, typesOf });
  if (view === "calls") return new CallView(output, { secrets, colour, typesOf });
  return new LiveView(output, { secrets, hexBytes: hexBytes ?? DEFAULT_HEX_BYTES, colour, typesOf });
}

/** One end of a connection, as events. */
function listener({ side }: TappedEnd, watch: ConnectionWatch, room: () => Promise<void> | undefined): TapListener {
  let isOpen = false;
  return {
    opened(local, remote) {
      isOpen = true;
      if (side === "server") watch.opened(eventClock(), remote, local);
      else watch.connected(eventClock(), remote);
    },
    bytes(from, chunk) {
      watch.push(from, chunk, eventClock());
      return room();
    },
    halfClosed: (from) => watch.halfClosed(from, eventClock()),
    closed(error) {
      // Its own user is told why a connection could not be made.
      if (!isOpen && error !== undefined) watch.unreachable(eventClock(), error);
      else watch.closed(eventClock(), error === undefined ? undefined : { from: other(side), error });
    },
  };
}

function other(side: "client" | "server"): "client" | "server" {
  return side === "client" ? "server" : "client";
}

function learn(methods: Map<string, TappedMethod>, end: TappedEnd, path: string | undefined): void {
  if (path === undefined || methods.size >= MAX_METHODS) return;
  const method = end.methodOf(path);
  if (method !== undefined) methods.set(path, method);
}

function checkOptions(options: InspectorOptions): void {
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) throw new TypeError(`Cannot make an inspector as there is no option "${name}"`);
  }
  const { output, view = "lines", hexBytes = DEFAULT_HEX_BYTES, redact = [] } = options;
  if (!VIEWS.includes(view)) {
    throw new TypeError(
      `Cannot use option view as it must be one of ${VIEWS.join(", ")}: current value is ${String(view)}`,
    );
  }
  if (!Number.isInteger(hexBytes) || hexBytes < 0 || hexBytes > MAX_HEX_BYTES) {
    throw new TypeError(
      `Cannot use option hexBytes as it must be a whole number from 0 to ${MAX_HEX_BYTES}: current value is ${String(hexBytes)}`,
    );
  }
  if (output !== undefined && typeof (output as Partial<Writable> | null)?.write !== "function") {
    throw new TypeError("Cannot use option output as it must be a writable stream");
  }
  if (!Array.isArray(redact) || redact.some((name) => typeof name !== "string")) {
    throw new TypeError("Cannot use option redact as it must be a list of header names");
  }
}
