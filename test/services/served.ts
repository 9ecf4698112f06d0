/**
 * A server with the example services on a free port, and a channel to it, for the length of one test.
 */
import { type Channel as ChannelType, Channel, Server } from "../../src/core.js";

export interface Served {
  readonly channel: ChannelType;
  readonly port: number;
  /** What the server's `onError` was given: an exception that is no StatusError is a bug of a service. */
  readonly errors: readonly unknown[];
}

/** Runs `use` against a server that `setup` has given its services; both ends are closed afterwards. */
export async function served(setup: (server: Server) => void, use: (served: Served) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  const server = new Server({ onError: (error) => errors.push(error) });
  setup(server);
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(`127.0.0.1:${port}`);
  try {
    await use({ channel, port, errors });
  } finally {
    await channel.close();
    await server.close({ graceMs: 0 });
  }
}
