/**
 * Connecting through a proxy: a socket on which the proxy has opened a tunnel to the target.
 *
 * Spec: RFC 9110 §9.3.6 (CONNECT), §11.7.2 (Proxy-Authorization); gRFC A1.
 * Laws: what the proxy answers is bounded, and what is repeated of it is cut and escaped; credentials stand in no error; not a
 * byte of the target is taken for the proxy's, nor the other way round.
 */
import { connect, type Socket } from "node:net";
import { formatHostPort, type Address } from "../../address.js";
import { shown } from "../settings/field-reader.js";

/** A proxy's answer ends its header within this, or it is none. */
const MAX_HEAD_BYTES = 16 * 1024;
const END_OF_HEAD = "\r\n\r\n";

const HINTS: ReadonlyMap<string, string> = new Map([
  ["403", "it does not allow this target"],
  ["405", "it does not tunnel"],
  ["407", 'its URL takes credentials: "http://user:password@host:port"'],
  ["502", "it did not reach the target"],
  ["503", "it did not reach the target"],
  ["504", "it did not reach the target"],
]);

/** Where a proxy is, and what it is told about who asks. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  /** The value of `proxy-authorization`. */
  readonly authorization: string | undefined;
}

/** The proxy on the way to an address, if there is one. */
export type Routes = (address: Address) => Proxy | undefined;

/** Why a proxy opened no tunnel. */
export class ProxyError extends Error {
  /** One sentence that names no host. */
  readonly text = "the proxy opened no tunnel to the server";
  /** What the proxy said, and what may help. */
  readonly hint: string;

  constructor(hint: string) {
    super(`the proxy opened no tunnel: ${hint}`);
    this.name = "ProxyError";
    this.hint = hint;
  }
}

/** Where a tunnel leads, and through what. */
export interface TunnelOptions {
  readonly proxy: Proxy;
  readonly host: string;
  readonly port: number;
  /** Gets the socket once it leads to the target, paused. */
  readonly opened: (socket: Socket) => void;
}

/** Asks for a tunnel. The socket fails with a {@link ProxyError} if there is none; whoever gives up waiting destroys it. */
export function openTunnel({ proxy, host, port, opened }: TunnelOptions): Socket {
  const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true });
  let head: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(END_OF_HEAD);
    if (end === -1 && head.length <= MAX_HEAD_BYTES) return;
    done(end === -1 ? "its answer has no end" : refusal(head.toString("latin1", 0, end)), end + END_OF_HEAD.length);
  };
  const onEnd = (): void => {
    done(`it closed the connection${head.length === 0 ? "" : " in the middle of its answer"}`, head.length);
  };
  const done = (refused: string | undefined, headBytes: number): void => {
    socket.off("data", onData).off("end", onEnd);
    if (refused !== undefined) {
      socket.destroy(new ProxyError(refused));
      return;
    }
    socket.pause();
    const rest = head.subarray(headBytes);
    if (rest.length > 0) socket.unshift(rest);
    opened(socket);
  };
  socket.once("connect", () => socket.write(requestFor(formatHostPort(host, port), proxy)));
  socket.on("data", onData).on("end", onEnd);
  return socket;
}

function requestFor(authority: string, { authorization }: Proxy): string {
  const credentials = authorization === undefined ? "" : `proxy-authorization: ${authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${credentials}\r\n`;
}

/** Why there is no tunnel: "any 2xx response indicates that the sender will switch to tunnel mode". */
function refusal(head: string): string | undefined {
  const line = head.split("\r\n", 1)[0] ?? "";
  const code = /^HTTP\/1\.\d (\d{3})(?: |$)/.exec(line)?.[1];
  if (code?.startsWith("2") === true) return undefined;
  const hint = code === undefined ? "that is not HTTP/1.1" : HINTS.get(code);
  return `it answered ${shown(line)}${hint === undefined ? "" : `; ${hint}`}`;
}
