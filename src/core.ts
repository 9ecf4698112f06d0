/**
 * The public API without batteries, published as `barewire/core`. `index.ts` adds the services every server should have.
 */
export { deflate, gzip, type Compressor } from "./codec/compression.js";
export type { DescriptorSource, FileDescriptor } from "./codec/file-descriptor.js";
export { Metadata, type MetadataInit, type MetadataValue } from "./codec/metadata.js";
export type { DynamicMessage, MessageType, Method, MethodKind, Methods, Service } from "./codec/method.js";
export { Code, codeName, StatusError, type CodeName, type Status, type StatusErrorOptions } from "./codec/status.js";
export { VERSION } from "./codec/header-block.js";
export { loadDescriptorSet } from "./codec/proto/descriptor-set.js";
export { loadProto, type LoadOptions, type ProtoSource } from "./codec/proto/load.js";
export { unknownFields } from "./codec/proto/message.js";
export type { ProtoFile, Schema } from "./codec/proto/schema.js";
export {
  durationFromMs,
  durationToMs,
  type Duration,
  type Timestamp,
  timestampFromDate,
  timestampToDate,
} from "./codec/proto/timestamp.js";
export type { Peer, PeerTls } from "./transport/call.js";
export type { CompressionOptions } from "./transport/codings.js";
export { Channel, type ChannelOptions } from "./transport/client/channel.js";
export type { ChannelTls } from "./transport/client/channel-tls.js";
export type { CallOptions } from "./transport/client/call-options.js";
export type {
  BidiStreamingCall,
  CallFacts,
  Client,
  ClientMethod,
  ClientStreamingCall,
  DynamicCall,
  RequestSender,
  SendOptions,
  ServerStreamingCall,
  UnaryCall,
} from "./transport/client/calls.js";
export type { ChannelLimits } from "./transport/client/limits.js";
export type { DynamicHandler, Handler, Implementation, MessageSource } from "./transport/server/handler.js";
export type { HandlerCall } from "./transport/server/handler-call.js";
export type { ServerLimits } from "./transport/server/limits.js";
export type { Pem, TlsVersion } from "./transport/tls.js";
export { Server, type CloseOptions, type Listening, type ServerOptions } from "./transport/server/server.js";
export type { ServerTls } from "./transport/server/server-tls.js";
export type { EndedCall } from "./transport/server/session.js";
