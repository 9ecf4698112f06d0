/**
 * The messages and the service of `orderer`: one request, answered with a stream.
 *
 * Source: proto/orderer.proto, whose text is in {@link files}; a test holds the two equal.
 * Laws: `X` is what is received, every field present; `XInit` is what may be given, every field optional.
 */
import { loadProto, type MessageType, type Method, type Service } from "../../core.js";

/** The `.proto` text that everything below comes from, by file name. */
export const files = {
  "orderer.proto": `syntax = "proto3";

package orderer;

// Waits for one request and answers it with a stream.
service StreamService {
  // Bidirectional streaming: the first request sets twenty responses off.
  rpc Route(stream StreamRequest) returns (stream StreamResponse) {};
}

// A pair of texts.
message StreamPoint {
  string key = 1;
  string value = 2;
}

message StreamRequest {
  StreamPoint pt = 1;
}

message StreamResponse {
  StreamPoint pt = 1;
}
`,
} as const;

const schema = loadProto(files);

/** orderer.StreamPoint: a pair of texts. */
export interface StreamPoint {
  key: string;
  value: string;
}

export interface StreamPointInit {
  key?: string | undefined;
  value?: string | undefined;
}

export const StreamPoint: MessageType<StreamPoint, StreamPointInit> = schema.message<StreamPoint, StreamPointInit>(
  "orderer.StreamPoint",
);

/** orderer.StreamRequest */
export interface StreamRequest {
  pt: StreamPoint | undefined;
}

export interface StreamRequestInit {
  pt?: StreamPointInit | undefined;
}

export const StreamRequest: MessageType<StreamRequest, StreamRequestInit> = schema.message<
  StreamRequest,
  StreamRequestInit
>("orderer.StreamRequest");

/** orderer.StreamResponse */
export interface StreamResponse {
  pt: StreamPoint | undefined;
}

export interface StreamResponseInit {
  pt?: StreamPointInit | undefined;
}

export const StreamResponse: MessageType<StreamResponse, StreamResponseInit> = schema.message<
  StreamResponse,
  StreamResponseInit
>("orderer.StreamResponse");

/** orderer.StreamService: waits for one request and answers it with a stream. */
export type StreamService = Service<{
  /** Bidirectional streaming: the first request sets twenty responses off. */
  route: Method<"bidiStreaming", StreamRequest, StreamRequestInit, StreamResponse, StreamResponseInit>;
}>;

export const StreamService: StreamService = schema.service<StreamService>("orderer.StreamService");
