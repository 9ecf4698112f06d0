/**
 * nice-grpc, as its README shows it, with the codec of the floor: protobufjs, without converting.
 *
 * JavaScript, as the compiler need not know the packages of this folder.
 */
import grpc from "@grpc/grpc-js";
import { createChannel, createClientFactory, createServer } from "nice-grpc";
import protobuf from "protobufjs";
import { CONTRACT } from "../../.bench/bench/contract.js";
import { expectCount } from "../../.bench/bench/contender.js";

const Type = protobuf.parse(CONTRACT).root.lookupType("bench.Payload");
const encode = (message) => Type.encode(message).finish();
const decode = (bytes) => Type.decode(bytes);

function method(name, requestStream, responseStream) {
  const codec = { requestSerialize: encode, requestDeserialize: decode, responseSerialize: encode };
  return {
    path: `/bench.Bench/${name}`,
    requestStream,
    responseStream,
    ...codec,
    responseDeserialize: decode,
    options: {},
  };
}

const Bench = {
  echo: method("Echo", false, false),
  download: method("Download", false, true),
  upload: method("Upload", true, false),
  exchange: method("Exchange", true, true),
};

export async function serve({ tls, maxConcurrentStreams }) {
  const server = createServer({ "grpc.max_concurrent_streams": maxConcurrentStreams });
  server.add(Bench, {
    echo: async (request) => request,
    async *download(request) {
      for (let i = 0; i < request.count; i++) yield request;
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
  const credentials =
    tls === undefined
      ? grpc.ServerCredentials.createInsecure()
      : grpc.ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) },
        ]);
  return await server.listen("127.0.0.1:0", credentials);
}

export function connect({ port, ca }) {
  const credentials =
    ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(Buffer.from(ca));
  const client = createClientFactory().create(Bench, createChannel(`localhost:${port}`, credentials));
  return {
    echo: (message) => client.echo(message),
    async download(message, count) {
      let received = 0;
      for await (const _ of client.download({ ...message, count })) received++;
      expectCount(received, count);
    },
    async upload(message, count) {
      expectCount((await client.upload(times(message, count))).count, count);
    },
    async exchange(message, count) {
      let received = 0;
      for await (const _ of client.exchange(times(message, count))) received++;
      expectCount(received, count);
    },
    async pingPong(message, count) {
      let wake;
      async function* requests() {
        for (let i = 0; i < count; i++) {
          yield message;
          await new Promise((resolve) => (wake = resolve));
        }
      }
      let received = 0;
      for await (const _ of client.exchange(requests())) {
        received++;
        wake();
      }
      expectCount(received, count);
    },
    async idle(message) {
      async function* requests() {
        yield message;
        await new Promise(() => undefined);
      }
      await client.exchange(requests())[Symbol.asyncIterator]().next();
    },
  };
}

async function* times(message, count) {
  for (let i = 0; i < count; i++) yield message;
}
