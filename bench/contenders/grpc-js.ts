/**
 * `@grpc/grpc-js` with `@grpc/proto-loader`, as their guides show them and with their defaults; streams obey `write()` and `'drain'`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { expectCount, type ConnectOptions, type Driver, type ServeOptions } from "../contender.js";
import { CONTRACT, type Payload } from "../contract.js";

type Duplex = grpc.ClientDuplexStream<Payload, Payload>;

/** The methods of the client that grpc-js makes. */
interface BenchClient {
  echo(request: Payload, callback: (error: Error | null) => void): void;
  download(request: Payload): grpc.ClientReadableStream<Payload>;
  upload(callback: (error: Error | null, response?: Payload) => void): grpc.ClientWritableStream<Payload>;
  exchange(): Duplex;
}

function benchService(): grpc.ServiceClientConstructor {
  const folder = mkdtempSync(join(tmpdir(), "barewire-bench-"));
  const file = join(folder, "bench.proto");
  try {
    writeFileSync(file, CONTRACT);
    const loaded = grpc.loadPackageDefinition(protoLoader.loadSync(file, { longs: String, defaults: true }));
    return (loaded["bench"] as grpc.GrpcObject)["Bench"] as grpc.ServiceClientConstructor;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const Bench = benchService();

export function serve({ tls, maxConcurrentStreams }: ServeOptions): Promise<number> {
  const server = new grpc.Server({ "grpc.max_concurrent_streams": maxConcurrentStreams });
  server.addService(Bench.service, {
    echo: (call: grpc.ServerUnaryCall<Payload, Payload>, callback: grpc.sendUnaryData<Payload>) =>
      callback(null, call.request),
    download: (call: grpc.ServerWritableStream<Payload, Payload>) => writeTimes(call, call.request, call.request.count),
    upload: (call: grpc.ServerReadableStream<Payload, Payload>, callback: grpc.sendUnaryData<object>) => {
      let count = 0;
      call.on("data", () => count++);
      call.on("end", () => callback(null, { count }));
    },
    exchange: (call: grpc.ServerDuplexStream<Payload, Payload>) => {
      call.on("data", (message) => {
        if (call.write(message)) return;
        call.pause();
        call.once("drain", () => call.resume());
      });
      call.on("end", () => call.end());
    },
  });
  const credentials =
    tls === undefined
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) },
        ]);
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

export function connect({ port, ca, gzip }: ConnectOptions): Driver {
  const credentials =
    ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(Buffer.from(ca));
  const client = new Bench(`localhost:${port}`, credentials, {
    // Channels to one target share connections unless they are told not to.
    "grpc.use_local_subchannel_pool": 1,
    ...(gzip === true ? { "grpc.default_compression_algorithm": 2 } : {}),
  }) as unknown as BenchClient;
  return {
    echo: (message) =>
      new Promise<void>((resolve, reject) => {
        client.echo(message, (error) => (error === null ? resolve() : reject(error)));
      }),
    download: (message, count) => takeAll(client.download({ ...message, count }), count),
    upload: (message, count) =>
      new Promise<void>((resolve, reject) => {
        const call = client.upload((error, response) =>
          error === null ? resolve(expectCount(response?.count ?? 0, count)) : reject(error),
        );
        writeTimes(call, message, count);
      }),
    exchange(message, count) {
      const call = client.exchange();
      const taken = takeAll(call, count);
      writeTimes(call, message, count);
      return taken;
    },
    pingPong(message, count) {
      const call = client.exchange();
      let left = count;
      call.on("data", () => {
        if (--left > 0) call.write(message);
        else call.end();
      });
      call.write(message);
      return ended(call);
    },
    idle: (message) =>
      new Promise<void>((resolve, reject) => {
        const call = client.exchange();
        call.on("error", reject);
        call.on("data", () => resolve());
        call.write(message);
      }),
  };
}

function writeTimes(
  call: { write(message: Payload): boolean; end(): void; once(event: "drain", listener: () => void): unknown },
  message: Payload,
  count: number,
): void {
  let sent = 0;
  const more = (): void => {
    while (sent < count) {
      sent++;
      if (!call.write(message)) return void call.once("drain", more);
    }
    call.end();
  };
  more();
}

function takeAll(call: grpc.ClientReadableStream<Payload>, count: number): Promise<void> {
  let received = 0;
  call.on("data", () => received++);
  return ended(call).then(() => expectCount(received, count));
}

function ended(call: grpc.ClientReadableStream<Payload>): Promise<void> {
  return new Promise((resolve, reject) => {
    call.on("error", reject);
    call.on("end", resolve);
  });
}
