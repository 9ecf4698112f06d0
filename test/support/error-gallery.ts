/**
 * The gallery of errors: each is made to happen, printed as `console.log` prints it, and put on the page `docs/errors.md`.
 *
 * Laws: what differs from run to run is written the same way each time: ports, milliseconds, dates, paths.
 */
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from "node:net";
import { inspect } from "node:util";
import { Channel, Code, Server, StatusError, type ChannelOptions } from "../../src/index.js";
import { Authority } from "./certificates.js";
import { startProxy } from "./connect-proxy.js";
import { Echo } from "./echo-service.js";
import { startNameServer } from "./name-server.js";
import { RawServer, type ServerPeer } from "./peer.js";
import { RESPONSE_FIELDS } from "./peer-service.js";

/** The page, in the repository. */
export const PAGE = "docs/errors.md";

/** What is closed again when a scene is over. */
type Cleanup = (close: () => unknown) => void;

interface Scene {
  readonly title: string;
  /** What has happened, and what to do. */
  readonly story: string;
  readonly play: (after: Cleanup) => Promise<unknown>;
}

const { UNAVAILABLE, NOT_FOUND } = Code;
const authority = new Authority();
const TLS = { ca: authority.cert };

const SCENES: readonly Scene[] = [
  {
    title: "Nobody listens there",
    story: "The machine is there and says that no process has the port.",
    play: async (after) => failure(after, `127.0.0.1:${await closedPort()}`),
  },
  {
    title: "One address after the other",
    story: "Every address of the target is told, with its own reason.",
    play: async (after) => failure(after, [`127.0.0.1:${await closedPort()}`, "unix:/nonexistent/orders.sock"]),
  },
  {
    title: "The name is not known",
    story: "The DNS has no such name. The phase is `dns`, and nothing was connected.",
    play: async (after) => {
      const names = await startNameServer(() => ({}));
      after(() => names.close());
      return failure(after, `dns://127.0.0.1:${names.port}/orders.test:50051`, { tls: false });
    },
  },
  {
    title: "The server speaks TLS, the channel does not",
    story: "A server that waits for a TLS handshake hangs up on plaintext.",
    play: async (after) => failure(after, `127.0.0.1:${await echoPort(after, true)}`),
  },
  {
    title: "The channel speaks TLS, the server does not",
    story: "The other way round, OpenSSL knows what came.",
    play: async (after) => failure(after, `127.0.0.1:${await echoPort(after)}`, { tls: TLS }),
  },
  {
    title: "The peer answers HTTP/1.1",
    story: "A web server from before HTTP/2, or one that wants TLS before it speaks it.",
    play: async (after) => {
      const port = await listen(after, (socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"));
      return failure(after, `127.0.0.1:${port}`);
    },
  },
  {
    title: "The certificate has expired",
    story: "The dates stand in the error, and what this machine's clock says.",
    play: async (after) => {
      const validTo = new Date(Date.now() - 86_400_000);
      const port = await tlsPort(after, { validFrom: new Date(validTo.getTime() - 86_400_000), validTo });
      return failure(after, `127.0.0.1:${port}`, { tls: TLS });
    },
  },
  {
    title: "The certificate is for another name",
    story: "Both names stand in the error.",
    play: async (after) =>
      failure(after, `127.0.0.1:${await tlsPort(after, { names: ["orders.test"] })}`, { tls: TLS }),
  },
  {
    title: "Nobody trusted has signed the certificate",
    story: "The usual error with a certificate of one's own.",
    play: async (after) => failure(after, `127.0.0.1:${await tlsPort(after, {})}`, { tls: true }),
  },
  {
    title: "The proxy opens no tunnel",
    story: "`HTTPS_PROXY` or option `proxy` is in force. The proxy's password is never printed.",
    play: async (after) => {
      const proxy = await startProxy({ answer: "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n" });
      after(() => proxy.close());
      return failure(after, "orders.test:50051", { tls: false, proxy: `http://me:secret@127.0.0.1:${proxy.port}` });
    },
  },
  {
    title: "A web server answers",
    story:
      "HTTP/2 is fine, but what is there is no gRPC server, or a proxy that does not know where the call should go.",
    play: (after) =>
      scripted(after, async (peer, streamId) => {
        peer.headers(
          streamId,
          [
            [":status", "404"],
            ["content-type", "text/html"],
          ],
          { endStream: true },
        );
      }),
  },
  {
    title: "The server resets the stream",
    story: "The HTTP/2 code stands there by its name.",
    play: (after) => scripted(after, async (peer, streamId) => peer.reset(streamId, 2)),
  },
  {
    title: "A proxy gives the call up",
    story: "Proxies end calls that take longer than they like with this code.",
    play: (after) => scripted(after, async (peer, streamId) => peer.reset(streamId, 8)),
  },
  {
    title: "The server closes the connection",
    story: "What a GOAWAY says is repeated, cut and escaped.",
    play: (after) => scripted(after, async (peer, streamId) => peer.goaway(streamId, 11, "too_many_pings")),
  },
  {
    title: "The connection is lost",
    story: "It was there, and it broke while the call ran.",
    play: (after) => scripted(after, async (peer) => peer.destroy()),
  },
  {
    title: "The deadline passes while there is no connection",
    story: "Something takes the connection and says nothing: the phase says how far it came.",
    play: async (after) => {
      const port = await listen(after, () => undefined);
      return failure(after, `127.0.0.1:${port}`, {}, { timeoutMs: 500 });
    },
  },
  {
    title: "The deadline passes while the server works",
    story: "`time` says where the time went.",
    play: (after) => scripted(after, async () => undefined, 1000),
  },
  {
    title: "The deadline passes while messages come",
    story: "The server has answered, and has not come to the end.",
    play: (after) => scripted(after, async (peer, streamId) => peer.headers(streamId, RESPONSE_FIELDS), 1000),
  },
  {
    title: "All attempts fail",
    story: "A retry policy has sent the call again, each time in vain. Each attempt is told.",
    play: async (after) => {
      const port = await echoPort(after, false, new StatusError(UNAVAILABLE, "the database is restarting"));
      const policy = { maxAttempts: 3, initialBackoffMs: 1, maxBackoffMs: 1, backoffMultiplier: 1 };
      const methods = { "barewire.test.Echo": { retry: { ...policy, retryableCodes: [UNAVAILABLE] } } };
      return failure(after, `127.0.0.1:${port}`, { methods });
    },
  },
  {
    title: "The message is too large",
    story: "The option that is the limit has its name there.",
    play: async (after) => failure(after, `127.0.0.1:${await echoPort(after)}`, { maxReceiveBytes: 4 }),
  },
  {
    title: "The server does not have the method",
    story:
      "The server answers that it has no such service. Which server that was stands there, as it may be the wrong one.",
    play: async (after) => {
      const server = new Server();
      return failure(after, `127.0.0.1:${await portOf(after, server)}`);
    },
  },
  {
    title: "The server's own status",
    story: "A status that a handler sent, with its trailers.",
    play: async (after) => {
      const error = new StatusError(NOT_FOUND, "no order 42", { trailers: { "order-id": "42" } });
      return failure(after, `127.0.0.1:${await echoPort(after, false, error)}`);
    },
  },
  {
    title: "Where the call was made",
    story:
      "With `callSites: true` the channel keeps where each call is made; `error.stack` says it as well. It is off at first, as it costs " +
      "each call some microseconds.",
    play: async (after) => {
      const channel = channelTo(after, `127.0.0.1:${await closedPort()}`, { callSites: true });
      return failureOf(placeOrder(channel));
    },
  },
];

async function placeOrder(channel: Channel): Promise<unknown> {
  return await channel.client(Echo).unary({ text: "one" });
}

function channelTo(after: Cleanup, target: string | readonly string[], options: ChannelOptions = {}): Channel {
  const channel = new Channel(target, { onError: () => undefined, ...options });
  after(() => channel.destroy());
  return channel;
}

function failure(
  after: Cleanup,
  target: string | readonly string[],
  options: ChannelOptions = {},
  call: { readonly timeoutMs?: number } = {},
): Promise<unknown> {
  return failureOf(channelTo(after, target, options).client(Echo).unary({ text: "one" }, call));
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error("the call did not fail"),
    (error: unknown) => error,
  );
}

/** A call to a server that answers as `answer` says. */
async function scripted(
  after: Cleanup,
  answer: (peer: ServerPeer, streamId: number) => Promise<unknown>,
  timeoutMs?: number,
): Promise<unknown> {
  const server = await RawServer.listen();
  after(() => server.close());
  const channel = channelTo(after, `127.0.0.1:${server.port}`);
  channel.connect();
  while (channel.state !== "READY") await channel.waitForStateChange(channel.state);
  const failed = failureOf(channel.client(Echo).unary({ text: "one" }, { timeoutMs }));
  const peer = await server.connection();
  const { streamId } = await peer.request();
  await answer(peer, streamId);
  return failed;
}

function echoPort(after: Cleanup, tls = false, error?: StatusError): Promise<number> {
  const server = new Server(tls ? { tls: authority.issue() } : {});
  server.add(Echo, {
    unary: (message) => {
      if (error !== undefined) throw error;
      return message;
    },
  });
  return portOf(after, server);
}

function tlsPort(after: Cleanup, options: Parameters<Authority["issue"]>[0]): Promise<number> {
  return portOf(after, new Server({ tls: authority.issue(options) }));
}

async function portOf(after: Cleanup, server: Server): Promise<number> {
  const { port } = await server.listen("127.0.0.1:0");
  after(() => server.close({ graceMs: 0 }));
  return port;
}

async function listen(after: Cleanup, connected: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    connected(socket);
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return boundPort(server);
}

async function boundPort(server: NetServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await boundPort(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What differs from run to run, written the same way each time. */
function settled(text: string): string {
  return (
    text
      .replace(/(127\.0\.0\.1):\d+/g, "$1:50051")
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "2026-01-01T00:00:00.000Z")
      .replace(/\b(waiting for a connection|waiting for the response|receiving|after) [\d.]+ ms/g, "$1 12 ms")
      // As the version of OpenSSL has it, and whether the peer's last words or its reset came first.
      .replace(/[0-9A-F]+:error:\w+:SSL routines:.*$/gm, "error:0A00010B:SSL routines::wrong version number")
      .replace(/(TLS \()(?:wrong version number|packet length too long|http request)/, "$1wrong version number")
      .replace(/(?:it gave no reason|read ECONNRESET|write EPIPE|ECONNRESET)(?=; it may want TLS)/, "it gave no reason")
      .replace(/; if the root CA is installed locally, [^;)\n]*/g, "")
      .replace(/(the connection was lost: ).*$/gm, "$1closed by the server")
      .replace(/^ +cause: Error: (?:read ECONNRESET|write EPIPE)\n?/gm, "")
      .replace(/^ +at (?!async placeOrder|placeOrder).*\n/gm, "")
      .replace(/^ +at (?:async )?(\w+) .*$/gm, "    at $1 (file:///app/orders.js:12:34)")
  );
}

/** What one scene prints. */
async function print({ play }: Scene): Promise<string> {
  const closers: (() => unknown)[] = [];
  try {
    return settled(inspect(await play((close) => closers.push(close))));
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

const HEAD = `# Errors that explain themselves

Each of these is a call of a client that failed, as \`console.log(error)\` prints it. A test makes each of them happen and compares what it
prints with this page; ports, times, dates and paths are written the same way each time. \`npm run errors\` writes it anew.

A \`StatusError\` has the same for programs: \`code\`, \`rawMessage\`, \`hint\`, \`method\`, \`target\`, \`attempts\` (\`address\`, \`phase\`, \`reason\`, \`hint\`,
\`http2Code\`, \`http2Frame\`, \`durationMs\`), \`timeSpent\` and \`cause\`. The phases are \`dns\`, \`tcp\`, \`proxy\`, \`tls\`, \`settings\`, \`health\` and \`stream\`.

All of it stays where the call was made. A handler that lets such an error through sends its code and \`rawMessage\` and nothing else.
`;

/** The scenes, each with its title. */
export const GALLERY = SCENES.map((scene) => ({ title: scene.title, section: () => section(scene) }));

async function section(scene: Scene): Promise<string> {
  return `\n## ${scene.title}\n\n${scene.story}\n\n\`\`\`text\n${await print(scene)}\n\`\`\`\n`;
}

/** The whole page. */
export async function errorsPage(): Promise<string> {
  let page = HEAD;
  for (const { section: make } of GALLERY) page += await make();
  return page;
}
