/**
 * Made by `barewire generate` from orderer.proto: changes are lost when it is made again.
 */
import { type GeneratedFile, type MessageType, type Method, type Service, protoFile } from "../../core.js";

/** The text that everything below comes from; parsed when it is first needed. */
export const file_orderer: GeneratedFile = protoFile("orderer.proto", [], source);

/**
 * A pair of texts.
 *
 * The message `orderer.StreamPoint`.
 */
export interface StreamPoint {
  key: string;
  value: string;
}

/** What may be given for a {@link StreamPoint}. */
export interface StreamPointInit {
  key?: string | undefined;
  value?: string | undefined;
}

export const StreamPoint: MessageType<StreamPoint, StreamPointInit> = file_orderer.message("orderer.StreamPoint");

/** The message `orderer.StreamRequest`. */
export interface StreamRequest {
  pt: StreamPoint | undefined;
}

/** What may be given for a {@link StreamRequest}. */
export interface StreamRequestInit {
  pt?: StreamPointInit | undefined;
}

export const StreamRequest: MessageType<StreamRequest, StreamRequestInit> =
  file_orderer.message("orderer.StreamRequest");

/** The message `orderer.StreamResponse`. */
export interface StreamResponse {
  pt: StreamPoint | undefined;
}

/** What may be given for a {@link StreamResponse}. */
export interface StreamResponseInit {
  pt?: StreamPointInit | undefined;
}

export const StreamResponse: MessageType<StreamResponse, StreamResponseInit> =
  file_orderer.message("orderer.StreamResponse");

/**
 * Waits for one request and answers it with a stream.
 *
 * The service `orderer.StreamService`.
 */
export type StreamService = Service<{
  /** Bidirectional streaming: the first request sets twenty responses off. */
  route: Method<"bidiStreaming", StreamRequest, StreamRequestInit, StreamResponse, StreamResponseInit>;
}>;

export const StreamService: StreamService = file_orderer.service("orderer.StreamService", {
  route: { kind: "bidiStreaming", name: "Route", request: StreamRequest, response: StreamResponse },
});

function source(): string {
  return `syntax = "proto3";

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
`;
}
