/**
 * Where the soak takes place: servers that stay, channels that stay, and channels that are worn out and replaced.
 */
import { connect, createServer, type AddressInfo, type Server as Listener, type Socket } from "node:net";
import { Channel, Server, type ChannelOptions, type Client } from "../../src/index.js";
import { Authority, type Identity } from "../support/certificates.js";
import { Echo, type EchoService } from "../support/echo-service.js";
import { behaveAs } from "../support/echo-ways.js";
import { Begun, behaviour } from "./behaviour.js";
import { RudeServer } from "./rude-server.js";

/** What the servers take at most, so that little is too much. */
export const MAX_RECEIVE_BYTES = 262_144;

/**
 * Calls after which a channel is replaced whose calls may be reset: Node 20 closes a connection after a thousand resets, and the
 * calls that are meant to end well must not end with it.
 */
const WEAR = 400;

/** A channel that is replaced when it is worn out. */
class WornChannel {
  readonly #make: () => Channel;
  #channels: Channel[] = [];
  #uses = 0;

  constructor(make: () => Channel) {
    this.#make = make;
  }

  get client(): Client<EchoService> {
    let channel = this.#channels.at(-1);
    if (channel === undefined || this.#uses++ >= WEAR) {
      channel = this.#make();
      this.#channels.push(channel);
      this.#uses = 0;
    }
    return channel.client(Echo);
  }

  /** Only now, as calls that wait for a connection would fail. */
  async close(): Promise<void> {
    const channels = this.#channels;
    this.#channels = [];
    await Promise.all(channels.map((channel) => channel.close()));
  }
}

/** Everything the fates need. */
export class Venue {
  /** Long-lived, as an application's own: every call may have it. */
  readonly shutdown = new AbortController();
  readonly begun = new Begun();
  readonly authority = new Authority();
  readonly identity: Identity = this.authority.issue();
  /** Exceptions of handlers, which are asked to throw. */
  handlerErrors = 0;
  /** Failed calls that nobody awaited. */
  unobserved = 0;
  port = 0;
  tlsPort = 0;
  narrowPort = 0;
  rudePort = 0;
  silentPort = 0;
  readonly #servers: Server[] = [];
  readonly #stays: Channel[] = [];
  #rude: RudeServer | undefined;
  readonly #silent: Listener = createServer();
  readonly #silentSockets = new Set<Socket>();
  readonly #worn: WornChannel[] = [];
  #plain: Channel | undefined;
  #upstream: Channel | undefined;
  #tls: Channel | undefined;

  readonly resetting = this.#wearing(() => this.channel(this.port));
  readonly small = this.#wearing(() =>
    this.channel(this.port, { maxReceiveBytes: 8192, maxSendBytes: 40_000, maxQueuedBytes: 65_536 }),
  );
  readonly narrow = this.#wearing(() => this.channel(this.narrowPort));
  readonly rude = this.#wearing(() => this.channel(this.rudePort));

  static async open(): Promise<Venue> {
    const venue = new Venue();
    await venue.#open();
    return venue;
  }

  async #open(): Promise<void> {
    this.#rude = await RudeServer.listen();
    this.rudePort = this.#rude.port;
    this.#silent.on("connection", (socket) => {
      this.#silentSockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#silentSockets.delete(socket));
      socket.resume();
    });
    await new Promise<void>((resolve) => this.#silent.listen(0, "127.0.0.1", resolve));
    this.silentPort = (this.#silent.address() as AddressInfo).port;
    const options = { maxReceiveBytes: MAX_RECEIVE_BYTES };
    this.port = await this.#serve(options);
    this.tlsPort = await this.#serve({ ...options, tls: this.identity });
    this.narrowPort = await this.#serve({ ...options, maxConcurrentStreams: 2 });
    this.#plain = this.#stay(this.channel(this.port));
    this.#upstream = this.#stay(this.channel(this.port));
    this.#tls = this.#stay(this.channel(this.tlsPort, this.trust));
    for (const client of [this.plain, this.upstream, this.tls]) await client.unary({ text: "echo" });
  }

  async #serve(options: ConstructorParameters<typeof Server>[0]): Promise<number> {
    const server = this.server(options);
    this.#servers.push(server);
    return (await server.listen("127.0.0.1:0")).port;
  }

  #stay(channel: Channel): Channel {
    this.#stays.push(channel);
    return channel;
  }

  #wearing(make: () => Channel): WornChannel {
    const worn = new WornChannel(make);
    this.#worn.push(worn);
    return worn;
  }

  /** Options for a channel to the server with TLS. */
  get trust(): ChannelOptions {
    return { tls: { ca: this.authority.cert } };
  }

  get plain(): Client<EchoService> {
    return (this.#plain as Channel).client(Echo);
  }

  get upstream(): Client<EchoService> {
    return (this.#upstream as Channel).client(Echo);
  }

  get tls(): Client<EchoService> {
    return (this.#tls as Channel).client(Echo);
  }

  server(options: ConstructorParameters<typeof Server>[0] = {}): Server {
    const server = new Server({ onError: () => this.handlerErrors++, ...options });
    return server.add(Echo, behaveAs(behaviour(this.begun, () => this.upstream)));
  }

  channel(port: number, options: ChannelOptions = {}): Channel {
    return new Channel(`127.0.0.1:${port}`, { onError: () => this.unobserved++, ...options });
  }

  /** A bare connection to one of the ports. */
  socket(port: number): Socket {
    return connect(port, "127.0.0.1").on("error", () => undefined);
  }

  /** Closes the channels that do not stay. */
  async rest(): Promise<void> {
    await Promise.all(this.#worn.map((worn) => worn.close()));
    for (const socket of this.#silentSockets) socket.destroy();
    this.begun.clear();
  }

  async close(): Promise<void> {
    await this.rest();
    await Promise.all(this.#stays.map((channel) => channel.close()));
    await Promise.all(this.#servers.map((server) => server.close()));
    await this.#rude?.close();
    await new Promise((resolve) => this.#silent.close(resolve));
  }
}
