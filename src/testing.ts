/**
 * For tests, published as `barewire/testing`: a server and a channel to it in one process without a network, and faults on purpose.
 *
 * Laws: the channel and the server are the real ones and talk real HTTP/2, over streams in place of sockets; what a fault does is done
 * to the frames between them.
 */
import { Channel, type ChannelOptions, type Client, Server as CoreServer, type Service } from "./core.js";
import { Server, type ServerOptions } from "./index.js";
import { PairedEnd } from "./transport/duplex-pair.js";
import type { FaultInit } from "./transport/inspect/faults/fault.js";
import { FaultScript, type ArmedFault } from "./transport/inspect/faults/fault-script.js";
import { readFault } from "./transport/inspect/faults/fault-text.js";
import { joinWithFaults } from "./transport/inspect/faults/faulty-wire.js";

export type { FaultInit, FaultKind, FaultWhen } from "./transport/inspect/faults/fault.js";
export { FAULT_GRAMMAR, parseFault } from "./transport/inspect/faults/fault-text.js";

/** What {@link connectInProcess} can be told. */
export interface ConnectInProcessOptions {
  /** Of the server that is made; not with one of your own. */
  readonly server?: ServerOptions | undefined;
  /** Of the channel. `dial` is taken already. */
  readonly channel?: Omit<ChannelOptions, "dial"> | undefined;
  /** What goes wrong, from the first connection on. */
  readonly faults?: readonly (string | FaultInit)[] | undefined;
}

/** A fault that was armed. */
export interface FaultHandle {
  /** How often it has come. */
  readonly fired: number;
  /** It does not come any more. */
  remove(): void;
}

/** A server, a channel to it, and what is to go wrong between them. Every function works without `this`, so it can be taken apart. */
export interface InProcess {
  readonly server: CoreServer;
  readonly channel: Channel;
  /** The methods of a service as functions. */
  client<S extends Service>(this: void, service: S): Client<S>;
  /**
   * Arms a fault, as words or as an object: `fault("reset after 3 messages")`, `fault({ kind: "delay", delayMs: 200 })`. It comes upon
   * calls that begin from now on; with `now`, upon those that run.
   *
   * @throws TypeError when it cannot be meant.
   */
  fault(this: void, fault: string | FaultInit): FaultHandle;
  /** Nothing goes wrong any more. A call that waits for an answer that never comes goes on waiting. */
  clearFaults(this: void): void;
  /** Ends the channel, and the server if it was made here. Calls that still run fail. */
  close(this: void): Promise<void>;
  /** {@link InProcess.close}, for `await using`. */
  [Symbol.asyncDispose](this: void): Promise<void>;
}

/** Stands for the server wherever an address is wanted. On this machine, so that nobody asks for TLS; no name, so that none is looked up. */
const TARGET = "127.0.0.1:1";

/**
 * Connects a channel with a server in this process: `connectInProcess((server) => server.add(Greeter, { … }))`, or with a server that is
 * there already, which stays open for you to close. No port, no socket and no timer is left, so tests may run side by side.
 *
 * @throws TypeError for an option that does not exist or cannot be used.
 */
export function connectInProcess(
  serverOrSetup: CoreServer | ((server: Server) => unknown),
  options: ConnectInProcessOptions = {},
): InProcess {
  checkNames(options);
  const script = new FaultScript();
  for (const fault of options.faults ?? []) script.add(readFault(fault));
  const { server, isOwn } = serverFrom(serverOrSetup, options.server);
  const dial = (): PairedEnd => connect(server, script);
  const channel = new Channel(TARGET, { ...options.channel, dial });
  const close = async (): Promise<void> => {
    await channel.destroy();
    if (isOwn) await server.close({ graceMs: 0 });
  };
  return {
    server,
    channel,
    client: (service) => channel.client(service),
    fault: (fault): ArmedFault => script.add(readFault(fault)),
    clearFaults: () => script.clear(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function serverFrom(
  given: CoreServer | ((server: Server) => unknown),
  options: ServerOptions | undefined,
): { readonly server: CoreServer; readonly isOwn: boolean } {
  if (given instanceof CoreServer) {
    if (options !== undefined) throw new TypeError("Cannot use option server as the server is there already");
    return { server: given, isOwn: false };
  }
  if (typeof given !== "function") {
    throw new TypeError(
      `Cannot connect in process as there must be a Server or a function that adds to one: current value is ${typeof given}`,
    );
  }
  const server = new Server(options);
  const added: unknown = given(server);
  if (added instanceof Promise) {
    added.catch(() => undefined);
    throw new TypeError(
      "Cannot connect in process as the function that adds services must not be async: make the Server before",
    );
  }
  return { server, isOwn: true };
}

/** One connection: two pairs of streams, and what goes wrong between them. */
function connect(server: CoreServer, script: FaultScript): PairedEnd {
  const [clientEnd, clientNear] = PairedEnd.pair();
  if (script.refusal() !== undefined) {
    setImmediate(() => clientEnd.destroy(refused()));
    return clientEnd;
  }
  const [serverNear, serverEnd] = PairedEnd.pair();
  joinWithFaults(clientNear, serverNear, script);
  try {
    server.serve(serverEnd);
  } catch {
    // It is closed: nobody listens.
    setImmediate(() => clientEnd.destroy(refused()));
  }
  return clientEnd;
}

function refused(): Error {
  return Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" });
}

function checkNames(options: ConnectInProcessOptions): void {
  for (const name of Object.keys(options)) {
    if (!["server", "channel", "faults"].includes(name))
      throw new TypeError(`Cannot connect in process as there is no option "${name}"`);
  }
}
