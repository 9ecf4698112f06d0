/**
 * connect-node with the gRPC protocol, as its documentation shows it; messages by protobuf-es.
 *
 * JavaScript, as the compiler need not know the packages of this folder.
 */
import http2 from "node:http2";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import { expectCount } from "../../.bench/bench/contender.js";

const [INT32, STRING, BYTES] = [5, 9, 12];
const field = (name, number, type) => ({ name, number, type, label: 1, jsonName: name });
const method = (name, clientStreaming, serverStreaming) => {
  return { name, inputType: ".bench.Payload", outputType: ".bench.Payload", clientStreaming, serverStreaming };
};

/** The contract as a descriptor: there is no parser. */
const FILE = {
  name: "bench.proto",
  package: "bench",
  syntax: "proto3",
  messageType: [
    { name: "Payload", field: [field("id", 1, STRING), field("count", 2, INT32), field("body", 3, BYTES)] },
  ],
  service: [
    {
      name: "Bench",
      method: [
        method("Echo", false, false),
        method("Download", false, true),
        method("Upload", true, false),
        method("Exchange", true, true),
      ],
    },
  ],
};

const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [FILE] }));
const Bench = registry.getService("bench.Bench");
const Payload = registry.getMessage("bench.Payload");

export function serve({ tls, maxConcurrentStreams }) {
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(Bench, {
        echo: (request) => request,
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
      }),
  });
  const settings = { maxConcurrentStreams };
  const server =
    tls === undefined
      ? http2.createServer({ settings }, handler)
      : http2.createSecureServer({ settings, ...tls }, handler);
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

export function connect({ port, ca }) {
  const transport = createGrpcTransport({
    baseUrl: `${ca === undefined ? "http" : "https"}://localhost:${port}`,
    nodeOptions: { ca, family: 4 },
  });
  const client = createClient(Bench, transport);
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
        const first = create(Payload, message);
        for (let i = 0; i < count; i++) {
          yield first;
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

/** Made once: they are checked and completed when they are sent otherwise. */
async function* times(message, count) {
  const made = create(Payload, message);
  for (let i = 0; i < count; i++) yield made;
}
