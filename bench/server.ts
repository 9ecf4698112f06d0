/**
 * The server process of a row: `node bench/server.ts barewire|grpc-js`. Tells its port, and its CPU time when asked.
 */
import grpcJs from "@grpc/grpc-js";
import { loadProto, Server } from "../src/index.js";
import { CONTRACT, PAYLOAD, type Implementation } from "./contract.js";
import { grpcJsService } from "./grpc-js.js";

async function startBarewire(): Promise<number> {
  const service = loadProto({ "bench.proto": CONTRACT }).service("bench.Bench");
  const server = new Server();
  server.add(service, {
    echo: (request) => request,
    *stream({ count }) {
      for (let i = 0; i < Number(count); i++) yield PAYLOAD;
    },
  });
  return (await server.listen("127.0.0.1:0")).port;
}

function startGrpcJs(): Promise<number> {
  const server = new grpcJs.Server();
  const payload = { ...PAYLOAD, body: Buffer.from(PAYLOAD.body) };
  server.addService(grpcJsService().service, {
    echo: (call: grpcJs.ServerUnaryCall<unknown, unknown>, callback: grpcJs.sendUnaryData<unknown>) =>
      callback(null, call.request),
    stream: (call: grpcJs.ServerWritableStream<{ count: number }, unknown>) => {
      let sent = 0;
      const more = (): void => {
        while (sent < call.request.count) {
          sent++;
          if (!call.write(payload)) return void call.once("drain", more);
        }
        call.end();
      };
      more();
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpcJs.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

const implementation = process.argv[2] as Implementation;
const port = await (implementation === "barewire" ? startBarewire() : startGrpcJs());
process.on("message", () => process.send?.({ cpu: process.cpuUsage() }));
process.on("disconnect", () => process.exit());
process.send?.({ port });
