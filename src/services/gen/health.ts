/**
 * The messages and the service of `grpc.health.v1`: whether a server, or one service of it, takes calls.
 *
 * Source: health-checking.md and gRFC A90 (List), whose contract is in {@link files}.
 * Laws: `X` is what is received, every field present; `XInit` is what may be given, every field optional.
 */
import { loadProto, type MessageType, type Method, type Service } from "../../core.js";

/** The `.proto` text that everything below comes from, by file name. */
export const files = {
  "grpc/health/v1/health.proto": `syntax = "proto3";

package grpc.health.v1;

// Says whether a server, or one service of it, takes calls.
service Health {
  // The status of a service. NOT_FOUND for one that is not known.
  rpc Check(HealthCheckRequest) returns (HealthCheckResponse);

  // The status of a service now, and again whenever it changes. SERVICE_UNKNOWN for one that is not known, until it is.
  rpc Watch(HealthCheckRequest) returns (stream HealthCheckResponse);

  // The status of every service. RESOURCE_EXHAUSTED when there are too many.
  rpc List(HealthListRequest) returns (HealthListResponse);
}

message HealthCheckRequest {
  // The full name of a service, or nothing for the server as a whole.
  string service = 1;
}

message HealthCheckResponse {
  enum ServingStatus {
    UNKNOWN = 0;
    SERVING = 1;
    NOT_SERVING = 2;
    // Only in answers of Watch.
    SERVICE_UNKNOWN = 3;
  }
  ServingStatus status = 1;
}

message HealthListRequest {}

message HealthListResponse {
  // By the full names of the services.
  map<string, HealthCheckResponse> statuses = 1;
}
`,
} as const;

const schema = loadProto(files);

/** grpc.health.v1.HealthCheckRequest */
export interface HealthCheckRequest {
  /** The full name of a service, or nothing for the server as a whole. */
  service: string;
}

/** What may be given for a {@link HealthCheckRequest}. */
export interface HealthCheckRequestInit {
  service?: string | undefined;
}

/** The codec of {@link HealthCheckRequest}. */
export const HealthCheckRequest: MessageType<HealthCheckRequest, HealthCheckRequestInit> = schema.message<
  HealthCheckRequest,
  HealthCheckRequestInit
>("grpc.health.v1.HealthCheckRequest");

/** grpc.health.v1.HealthCheckResponse.ServingStatus. A received number need not be one of these. */
export const HealthCheckResponse_ServingStatus = {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
  SERVICE_UNKNOWN: 3,
} as const;

export type HealthCheckResponse_ServingStatus = number;

/** grpc.health.v1.HealthCheckResponse */
export interface HealthCheckResponse {
  status: HealthCheckResponse_ServingStatus;
}

/** What may be given for a {@link HealthCheckResponse}. */
export interface HealthCheckResponseInit {
  status?: HealthCheckResponse_ServingStatus | keyof typeof HealthCheckResponse_ServingStatus | undefined;
}

/** The codec of {@link HealthCheckResponse}. */
export const HealthCheckResponse: MessageType<HealthCheckResponse, HealthCheckResponseInit> = schema.message<
  HealthCheckResponse,
  HealthCheckResponseInit
>("grpc.health.v1.HealthCheckResponse");

/** grpc.health.v1.HealthListRequest */
export type HealthListRequest = Readonly<Record<string, never>>;

/** What may be given for a {@link HealthListRequest}. */
export type HealthListRequestInit = Readonly<Record<string, never>>;

/** The codec of {@link HealthListRequest}. */
export const HealthListRequest: MessageType<HealthListRequest, HealthListRequestInit> = schema.message<
  HealthListRequest,
  HealthListRequestInit
>("grpc.health.v1.HealthListRequest");

/** grpc.health.v1.HealthListResponse */
export interface HealthListResponse {
  /** By the full names of the services. */
  statuses: ReadonlyMap<string, HealthCheckResponse>;
}

/** What may be given for a {@link HealthListResponse}. */
export interface HealthListResponseInit {
  statuses?:
    ReadonlyMap<string, HealthCheckResponseInit> | Readonly<Record<string, HealthCheckResponseInit>> | undefined;
}

/** The codec of {@link HealthListResponse}. */
export const HealthListResponse: MessageType<HealthListResponse, HealthListResponseInit> = schema.message<
  HealthListResponse,
  HealthListResponseInit
>("grpc.health.v1.HealthListResponse");

/** grpc.health.v1.Health: says whether a server, or one service of it, takes calls. */
export type Health = Service<{
  /** Unary: the status of a service. NOT_FOUND for one that is not known. */
  check: Method<"unary", HealthCheckRequest, HealthCheckRequestInit, HealthCheckResponse, HealthCheckResponseInit>;
  /** Server streaming: the status now, and again whenever it changes. */
  watch: Method<
    "serverStreaming",
    HealthCheckRequest,
    HealthCheckRequestInit,
    HealthCheckResponse,
    HealthCheckResponseInit
  >;
  /** Unary: the status of every service. */
  list: Method<"unary", HealthListRequest, HealthListRequestInit, HealthListResponse, HealthListResponseInit>;
}>;

/** What a server answers for, and what a client calls: {@link Health} as a value. */
export const Health: Health = schema.service<Health>("grpc.health.v1.Health");
