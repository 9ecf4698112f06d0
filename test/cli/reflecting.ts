/**
 * Servers for the tests of the command line: the documented services, and reflection that answers whatever a test says.
 */
import { loadProto, type MessageSource, Server, type ServerOptions } from "../../src/index.js";
import * as core from "../../src/core.js";
import { OrderManagement } from "../../src/services/gen/order.js";
import { StreamService } from "../../src/services/gen/orderer.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseInit,
  ServerReflectionV1alpha,
} from "../../src/services/gen/reflection.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { orderManagement } from "../../src/services/order-management.js";
import { routeGuide } from "../../src/services/route-guide.js";
import { streamService } from "../../src/services/stream-service.js";

/** A server that a test talks to. Stop it when the test is over. */
export interface Running {
  readonly address: string;
  stop(): Promise<void>;
}

async function running(server: core.Server): Promise<Running> {
  const { address } = await server.listen("127.0.0.1:0");
  return { address, stop: () => server.close({ graceMs: 0 }) };
}

/** The documented services. */
export function documented(options: ServerOptions = {}): Promise<Running> {
  return running(
    new Server(options)
      .add(RouteGuide, routeGuide())
      .add(OrderManagement, orderManagement())
      .add(StreamService, streamService()),
  );
}

export type Question = ServerReflectionRequest["messageRequest"];
export type Answer = NonNullable<ServerReflectionResponseInit["messageResponse"]>;
type Talk = (questions: MessageSource<Question>) => AsyncIterable<Answer>;

/** A server whose reflection says what `talk` yields. */
export function talking(talk: Talk, version: "v1" | "v1alpha" = "v1"): Promise<Running> {
  const server = new core.Server({ onError: () => undefined });
  async function* asked(requests: MessageSource<ServerReflectionRequest>): AsyncGenerator<Question> {
    for await (const { messageRequest } of requests) yield messageRequest;
  }
  server.add(version === "v1" ? ServerReflection : ServerReflectionV1alpha, {
    async *serverReflectionInfo(requests) {
      for await (const messageResponse of talk(asked(requests))) yield { messageResponse };
    },
  });
  return running(server);
}

/** The same, where each question has an answer of its own. */
export function answering(answer: (question: Question) => Answer, version?: "v1" | "v1alpha"): Promise<Running> {
  return talking(async function* (questions) {
    for await (const question of questions) yield answer(question);
  }, version);
}

export const notFound: Answer = { case: "errorResponse", value: { errorCode: 5, errorMessage: "not here" } };

/** The answer that gives files. */
export function filesAnswer(...files: readonly Uint8Array[]): Answer {
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: files } };
}

/** The answer that names services. */
export function servicesAnswer(...names: readonly string[]): Answer {
  return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
}

const descriptorType = loadProto({
  "x.proto": 'syntax = "proto3"; import "google/protobuf/descriptor.proto";',
}).message("google.protobuf.FileDescriptorProto");

/** A descriptor of whatever a test wants to be in it. */
export function descriptor(file: Record<string, unknown>): Uint8Array {
  return descriptorType.encode({ syntax: "proto3", ...file });
}
