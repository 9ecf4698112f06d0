/**
 * barewire, as its README shows it.
 */
import { Channel, loadProto, Server, type Client, type ClientMethod, type Method } from "../../src/index.js";
import { expectCount, type ConnectOptions, type Driver, type ServeOptions } from "../contender.js";
import { CONTRACT, type Payload } from "../contract.js";

const service = loadProto({ "bench.proto": CONTRACT }).service("bench.Bench");

export async function serve({ tls, maxConcurrentStreams }: ServeOptions): Promise<number> {
  const server = new Server({ tls, maxConcurrentStreams, maxRunningHandlers: maxConcurrentStreams * 2 });
  server.add(service, {
    echo: (request) => request,
    *download(request) {
      for (let i = 0; i < Number(request["count"]); i++) yield request;
    },
    async upload(requests) {
      let count = 0;
      for await (const _ of requests) count++;
      return { count };
    },
    async *exchange(requests) {
      for await (const request of requests) yield request;
    },
  });
  return (await server.listen("127.0.0.1:0")).port;
}

export function connect({ port, ca, gzip }: ConnectOptions): Driver {
  const channel = new Channel(`localhost:${port}`, {
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(gzip === true ? { compression: { send: "gzip" } } : {}),
  });
  const client = channel.client(service) as Client<typeof service> &
    Record<"echo" | "download" | "upload" | "exchange", ClientMethod<Method>>;
  return {
    echo: (message) => client.echo(message),
    async download(message, count) {
      let received = 0;
      for await (const _ of client.download({ ...message, count })) received++;
      expectCount(received, count);
    },
    async upload(message, count) {
      expectCount(Number((await client.upload(times(message, count)))["count"]), count);
    },
    async exchange(message, count) {
      let received = 0;
      for await (const _ of client.exchange(times(message, count))) received++;
      expectCount(received, count);
    },
    async pingPong(message, count) {
      const call = client.exchange();
      let received = 0;
      for (; received < count; received++) {
        // Returns nothing while there is room, and then there is nothing to wait for.
        const room = call.send(message);
        if (room !== undefined) await room;
        if ((await call.receive()) === undefined) break;
      }
      call.closeSend();
      if ((await call.receive()) === undefined) expectCount(received, count);
    },
    async idle(message) {
      const call = client.exchange();
      await call.send(message);
      await call.receive();
    },
  };
}

function* times(message: Payload, count: number): Generator<Payload> {
  for (let i = 0; i < count; i++) yield message;
}
