/**
 * An echo server on a free port and a channel to it for the length of one test, on request with an observer between them.
 */
import {
  Channel,
  Server,
  type ChannelOptions,
  type Client,
  type EndedCall,
  type Implementation,
  type ServerOptions,
} from "../../src/index.js";
import { Echo, type EchoService } from "./echo-service.js";
import { observe, type Observer } from "./observer.js";

export interface EchoServed {
  readonly server: Server;
  readonly channel: Channel;
  readonly client: Client<EchoService>;
  readonly port: number;
  /** Sees every byte between the two; only with `observed`. */
  readonly observer: Observer;
  /** What the server's `onError` was given. */
  readonly serverErrors: unknown[];
  /** What the channel's `onError` was given. */
  readonly unobserved: unknown[];
  /** What the server's `onCallEnd` was given. */
  readonly ended: EndedCall[];
  /** Resolves when the server has told of `count` calls that they ended. */
  callsEnded(count: number): Promise<void>;
}

export interface EchoServedOptions {
  readonly server?: ServerOptions;
  readonly channel?: ChannelOptions;
  /** Puts an observer between client and server. */
  readonly observed?: boolean;
}

/** Runs `use` against a server that answers with `implementation`; everything is closed afterwards. */
export async function withEcho(
  implementation: Implementation<EchoService>,
  use: (served: EchoServed) => Promise<void>,
  options: EchoServedOptions = {},
): Promise<void> {
  const serverErrors: unknown[] = [];
  const unobserved: unknown[] = [];
  const ended: EndedCall[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  const server = new Server({
    onError: (error) => serverErrors.push(error),
    onCallEnd: (call) => {
      ended.push(call);
      for (const { count, resolve } of waiting) if (ended.length >= count) resolve();
    },
    ...options.server,
  });
  server.add(Echo, implementation);
  const { port } = await server.listen("127.0.0.1:0");
  const observer = await observe(port);
  const channel = new Channel(`127.0.0.1:${options.observed === true ? observer.port : port}`, {
    onError: (error) => unobserved.push(error),
    ...options.channel,
  });
  const callsEnded = (count: number): Promise<void> =>
    new Promise((resolve) => {
      if (ended.length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  const client = channel.client(Echo);
  try {
    await use({ server, channel, client, port, observer, serverErrors, unobserved, ended, callsEnded });
  } finally {
    await channel.destroy();
    await server.close({ graceMs: 0 });
    await observer.close();
  }
}
