/**
 * The messages and the service of `grpc.reflection`, in the versions `v1` and `v1alpha`, which differ in their package alone.
 *
 * Source: reflection.proto of grpc-proto, whose contract is in {@link files}.
 * Laws: `X` is what is received, every field present; `XInit` is what may be given, every field optional.
 */
import { loadProto, type MessageType, type Method, type Service } from "../../core.js";

const v1 = `syntax = "proto3";

package grpc.reflection.v1;

// Tells what a server's services are declared as.
service ServerReflection {
  // One answer for every question, in order.
  rpc ServerReflectionInfo(stream ServerReflectionRequest) returns (stream ServerReflectionResponse);
}

message ServerReflectionRequest {
  string host = 1;
  // What is asked for.
  oneof message_request {
    // The file that imports know by this name.
    string file_by_filename = 3;
    // The file that declares this full name, of a service, method, type, field or value.
    string file_containing_symbol = 4;
    // The file that declares this extension.
    ExtensionRequest file_containing_extension = 5;
    // The numbers of all extensions of the message type of this full name.
    string all_extension_numbers_of_type = 6;
    // The full names of all services; the content does not matter.
    string list_services = 7;
  }
}

message ExtensionRequest {
  // The full name of the message type that is extended.
  string containing_type = 1;
  int32 extension_number = 2;
}

message ServerReflectionResponse {
  // The host of the request.
  string valid_host = 1;
  ServerReflectionRequest original_request = 2;
  // The answer.
  oneof message_response {
    // To each of the three questions for a file.
    FileDescriptorResponse file_descriptor_response = 4;
    ExtensionNumberResponse all_extension_numbers_response = 5;
    ListServiceResponse list_services_response = 6;
    ErrorResponse error_response = 7;
  }
}

message FileDescriptorResponse {
  // Serialized google.protobuf.FileDescriptorProto: the file, and what it imports.
  repeated bytes file_descriptor_proto = 1;
}

message ExtensionNumberResponse {
  string base_type_name = 1;
  repeated int32 extension_number = 2;
}

message ListServiceResponse {
  repeated ServiceResponse service = 1;
}

message ServiceResponse {
  // The full name.
  string name = 1;
}

message ErrorResponse {
  // A status code.
  int32 error_code = 1;
  string error_message = 2;
}
`;

/** The `.proto` texts that everything below comes from, by file name. */
export const files = {
  "grpc/reflection/v1/reflection.proto": v1,
  "grpc/reflection/v1alpha/reflection.proto": v1.replace("grpc.reflection.v1;", "grpc.reflection.v1alpha;"),
} as const;

const schema = loadProto(files);

/** grpc.reflection.v1.ExtensionRequest */
export interface ExtensionRequest {
  /** The full name of the message type that is extended. */
  containingType: string;
  extensionNumber: number;
}

/** grpc.reflection.v1.ServerReflectionRequest */
export interface ServerReflectionRequest {
  host: string;
  /** What is asked for. */
  messageRequest:
    | { case: "fileByFilename"; value: string }
    | { case: "fileContainingSymbol"; value: string }
    | { case: "fileContainingExtension"; value: ExtensionRequest }
    | { case: "allExtensionNumbersOfType"; value: string }
    | { case: "listServices"; value: string }
    | { case: undefined; value?: undefined };
}

/** What may be given for a {@link ServerReflectionRequest}. */
export type ServerReflectionRequestInit = Partial<ServerReflectionRequest>;

/** The codec of {@link ServerReflectionRequest}. */
export const ServerReflectionRequest: MessageType<ServerReflectionRequest, ServerReflectionRequestInit> =
  schema.message<ServerReflectionRequest, ServerReflectionRequestInit>("grpc.reflection.v1.ServerReflectionRequest");

/** grpc.reflection.v1.ServerReflectionResponse */
export interface ServerReflectionResponse {
  /** The host of the request. */
  validHost: string;
  originalRequest: ServerReflectionRequest | undefined;
  /** The answer. */
  messageResponse:
    | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: readonly Uint8Array[] } }
    | {
        case: "allExtensionNumbersResponse";
        value: { baseTypeName: string; extensionNumber: readonly number[] };
      }
    | { case: "listServicesResponse"; value: { service: readonly { name: string }[] } }
    | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } }
    | { case: undefined; value?: undefined };
}

/** What may be given for a {@link ServerReflectionResponse}. */
export type ServerReflectionResponseInit = Partial<ServerReflectionResponse>;

/** The codec of {@link ServerReflectionResponse}. */
export const ServerReflectionResponse: MessageType<ServerReflectionResponse, ServerReflectionResponseInit> =
  schema.message<ServerReflectionResponse, ServerReflectionResponseInit>("grpc.reflection.v1.ServerReflectionResponse");

/** grpc.reflection.v1.ServerReflection: tells what a server's services are declared as. */
export type ServerReflection = Service<{
  /** Bidirectional streaming: one answer for every question, in order. */
  serverReflectionInfo: Method<
    "bidiStreaming",
    ServerReflectionRequest,
    ServerReflectionRequestInit,
    ServerReflectionResponse,
    ServerReflectionResponseInit
  >;
}>;

/** What a server answers for, and what a client calls: {@link ServerReflection} as a value. */
export const ServerReflection: ServerReflection = schema.service<ServerReflection>(
  "grpc.reflection.v1.ServerReflection",
);

/** grpc.reflection.v1alpha.ServerReflection: the same in its first version, which many clients ask for. */
export const ServerReflectionV1alpha: ServerReflection = schema.service<ServerReflection>(
  "grpc.reflection.v1alpha.ServerReflection",
);
