/**
 * A real call with the inspector between its two sides: a server, a proxy in front of it, and a channel to the proxy, in one process.
 *
 * Laws: nothing is left when it is over; what was printed is complete, as both sides have gone by then.
 */
import { Writable } from "node:stream";
import { Channel, type ChannelOptions, Server, type ServerOptions, type Service } from "../../src/index.js";
import { Secrets } from "../../src/transport/inspect/header-words.js";
import { LiveView } from "../../src/transport/inspect/live-view.js";
import { OrderedOutput } from "../../src/transport/inspect/ordered-output.js";
import { Proxy } from "../../src/transport/inspect/proxy.js";
import { Trace } from "../../src/transport/inspect/trace.js";

/** What clients call the server, so that no port is in any byte. */
const AUTHORITY = "localhost:50051";

/** How to watch. */
export interface Watching {
  readonly server?: ServerOptions | undefined;
  readonly channel?: ChannelOptions | undefined;
  /** By how much everything comes later in each direction, in milliseconds. */
  readonly delayMs?: number | undefined;
  /** Bytes of a frame in hex. Default 0. */
  readonly hexBytes?: number | undefined;
  /** Services whose types the inspector knows. */
  readonly types?: readonly Service[] | undefined;
  /** `false` for frames alone. */
  readonly showCalls?: boolean | undefined;
}

/** What a scene acts with. */
export interface Stage {
  readonly server: Server;
  readonly channel: Channel;
  /** Breaks the connections, as a cable that is pulled. */
  cut(): Promise<void>;
  /** Resolves when `pattern` is in what was printed. */
  printed(pattern: RegExp): Promise<void>;
  /** Resolves when the server's DATA on a stream has come to so many bytes. */
  passed(stream: number, bytes: number): Promise<void>;
}

/** Adds services to a server, has `act` use a channel to it, and gives what the inspector printed. */
export async function watched(
  serve: (server: Server) => unknown,
  act: (stage: Stage) => Promise<unknown>,
  watching: Watching = {},
): Promise<string> {
  const page = new Page();
  const server = new Server(watching.server ?? {});
  serve(server);
  const { address: remote } = await server.listen("127.0.0.1:0");
  const output = new OrderedOutput(page);
  const view = viewOf(output, watching);
  const reading = watching.showCalls === false ? "frames" : "calls";
  const audience = new Audience((event) => view.hear(event), { reading, room: () => output.room() });
  const proxy = new Proxy({ remote, delayMs: watching.delayMs }, audience);
  const channel = new Channel(await proxy.listen("127.0.0.1", 0), {
    authority: AUTHORITY,
    onError: () => undefined,
    ...watching.channel,
  });
  try {
    await act({
      server,
      channel,
      cut: () => proxy.close(),
      printed: (pattern) => page.has((text) => pattern.test(text)),
      passed: (stream, bytes) => page.has((text) => dataBytes(text, stream) >= bytes),
    });
  } finally {
    await channel.close();
    await audience.gone();
    await proxy.close();
    await server.close({ graceMs: 0 });
    await output.flushed();
  }
  return page.text;
}

function viewOf(output: OrderedOutput, { hexBytes = 0, types = [] }: Watching): LiveView {
  const methods = types.flatMap((service) => Object.values(service.methods));
  return new LiveView(output, {
    secrets: new Secrets(),
    hexBytes,
    colour: false,
    typesOf: (path) => methods.find((method) => method.path === path),
  });
}

/** The bytes of a stream's DATA frames from the server, as far as they are printed. */
function dataBytes(printed: string, stream: number): number {
  const frames = printed.matchAll(/← server {2}DATA stream (\d+)[A-Z_ ]*, (\d+) bytes/g);
  return [...frames].reduce((sum, [, of, bytes]) => sum + (Number(of) === stream ? Number(bytes) : 0), 0);
}

/** Keeps what is written, and tells who waits for something in it. */
class Page extends Writable {
  text = "";
  readonly #waiting = new Set<() => void>();

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    for (const look of this.#waiting) look();
    done();
  }

  /** Resolves when it is as asked. */
  has(asked: (text: string) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!asked(this.text)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** Prints what a proxy sees, and knows when its last connection has gone. */
class Audience extends Trace {
  #open = 0;
  #whenGone: (() => void) | undefined;

  gone(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenGone = resolve;
      if (this.#open === 0) resolve();
    });
  }

  override accepted(...told: Parameters<Trace["accepted"]>): void {
    this.#open++;
    super.accepted(...told);
  }

  override closed(...told: Parameters<Trace["closed"]>): void {
    super.closed(...told);
    if (--this.#open === 0) this.#whenGone?.();
  }
}
