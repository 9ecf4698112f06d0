/**
 * An HTTP CONNECT proxy on loopback that tunnels every name to one port, or answers what it is told.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export interface ConnectProxy {
  readonly port: number;
  /** The request heads that came, in order. */
  readonly heads: readonly string[];
  close(): Promise<void>;
}

/** How a test's proxy behaves. */
export interface ProxyScript {
  /** Where tunnels lead. */
  readonly to?: number;
  /** What it answers, instead of opening a tunnel. */
  readonly answer?: string | Buffer;
  /** It closes its side behind the answer. */
  readonly ends?: boolean;
  /** What it answers in front of the tunnel. Default `"HTTP/1.1 200 OK\r\n\r\n"`. */
  readonly opens?: string;
  /** What the target says first comes in one piece with that, as nothing keeps them apart on the wire. */
  readonly rides?: boolean;
  /** The answer comes byte by byte. */
  readonly byByte?: boolean;
}

/** Starts one; the test closes it. */
export async function startProxy(script: ProxyScript): Promise<ConnectProxy> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay();
    socket.on("error", () => undefined);
    let head = "";
    const onData = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      if (!head.endsWith("\r\n\r\n")) return;
      socket.off("data", onData);
      heads.push(head);
      if (script.to === undefined) refuse(socket, script);
      else void tunnel(socket, script, sockets);
    };
    socket.on("data", onData);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, heads, close: () => closeAll(server, sockets) };
}

function refuse(socket: Socket, { answer = "", ends = true }: ProxyScript): void {
  socket.write(answer);
  if (ends) socket.end();
}

async function tunnel(socket: Socket, script: ProxyScript, sockets: Set<Socket>): Promise<void> {
  const { to, opens = "HTTP/1.1 200 OK\r\n\r\n", rides, byByte } = script;
  const target = connect({ host: "127.0.0.1", port: to as number });
  sockets.add(target);
  target.on("error", () => socket.destroy());
  socket.pipe(target);
  if (rides !== true) {
    for (const piece of byByte === true ? opens : [opens]) {
      await new Promise((resolve) => socket.write(piece, () => setImmediate(resolve)));
    }
    target.pipe(socket);
    return;
  }
  target.once("data", (first: Buffer) => {
    socket.write(Buffer.concat([Buffer.from(opens), first]));
    target.pipe(socket);
  });
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, "close");
}
