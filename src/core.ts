/**
 * The public API without batteries, published as `barewire/core`. `index.ts` adds the services every server should have.
 */
export { deflate, gzip, type Compressor } from "./codec/compression.js";
export type { DescriptorSource, FileDescriptor } from "./codec/file-descriptor.js";
export { Metadata, type MetadataInit, type MetadataValue } from "./codec/metadata.js";
export type { DynamicMessage, MessageType, Method, MethodKind, Methods, Service } from "./codec/method.js";
export type { AttemptPhase, FailedAttempt, TimeSpent } from "./codec/failure-report.js";
export { Code, codeName, StatusError, type CodeName, type Status, type StatusErrorOptions } from "./codec/status.js";
export type {
  BadRequest,
  DebugInfo,
  ErrorInfo,
  Help,
  LocalizedMessage,
  PackedDetail,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
  StatusDetail,
  StatusDetailInit,
  StatusDetailTypes,
} from "./codec/status-detail.js";
export { VERSION } from "./codec/header-block.js";
export { loadDescriptorSet } from "./codec/proto/descriptor-set.js";
export { enumName } from "./codec/proto/enum-name.js";
export type { EnumType } from "./codec/proto/enum.js";
export type { BytesForm, Int64Form } from "./codec/proto/fields.js";
export { type GeneratedFile, type GeneratedFileOptions, protoFile } from "./codec/proto/generated.js";
export { loadProto, type LoadOptions, type ProtoSource } from "./codec/proto/load.js";
export { getExtension, hasExtension, setExtension, type Extension } from "./codec/proto/extension.js";
export { unknownFields } from "./codec/proto/message.js";
export { toText, type ToTextOptions } from "./codec/proto/text.js";
export { packAny, unpackAny, type NamedMessage, type TypeRegistry } from "./codec/proto/any.js";
export { googleRpc } from "./codec/proto/google-rpc.js";
export {
  fromJson,
  fromJsonString,
  toJson,
  toJsonString,
  type FromJsonOptions,
  type JsonValue,
  type ToJsonOptions,
  type ToJsonStringOptions,
} from "./codec/proto/json.js";
export type { ProtoFile, Schema } from "./codec/proto/schema.js";
export { durationFromMs, durationToMs, timestampFromDate, timestampToDate } from "./codec/proto/timestamp.js";
export {
  Any,
  type AnyInit,
  BoolValue,
  type BoolValueInit,
  BytesValue,
  type BytesValueInit,
  DoubleValue,
  type DoubleValueInit,
  Duration,
  type DurationInit,
  Empty,
  type EmptyInit,
  FieldMask,
  type FieldMaskInit,
  FloatValue,
  type FloatValueInit,
  Int32Value,
  type Int32ValueInit,
  Int64Value,
  type Int64ValueInit,
  ListValue,
  type ListValueInit,
  NullValue,
  StringValue,
  type StringValueInit,
  Struct,
  type StructInit,
  Timestamp,
  type TimestampInit,
  UInt32Value,
  type UInt32ValueInit,
  UInt64Value,
  type UInt64ValueInit,
  Value,
  type ValueInit,
} from "./codec/proto/well-known.js";
export type { Address } from "./transport/address.js";
export type { Dial } from "./transport/dial.js";
export type { Peer, PeerTls } from "./transport/call.js";
export type { CompressionOptions } from "./transport/codings.js";
export type {
  Balancer,
  BalancerHost,
  BalancingPolicy,
  CompletePick,
  FailedPick,
  Pick,
  PickCall,
  Picker,
  HealthWatch,
  PolicySubchannel,
} from "./transport/client/balancing/balancer.js";
export {
  endpointPolicy,
  type Choose,
  type EndpointPolicyOptions,
  type ReadyEndpoint,
} from "./transport/client/balancing/endpoint-policy.js";
export type { ConnectFailure, ConnectPhase, FailureReason } from "./transport/client/connecting/connect-failure.js";
export type { ConnectivityState, WaitOptions } from "./transport/client/connectivity.js";
export type { BalancingOption } from "./transport/client/balancing/policies.js";
export type {
  Endpoint,
  EndpointInit,
  Resolution,
  Resolver,
  ResolverTarget,
} from "./transport/client/naming/resolver.js";
export type { AttemptFacts } from "./transport/client/attempts/attempt-facts.js";
export { Channel, type ChannelOptions, type ClientOptions } from "./transport/client/channel.js";
export type { ChannelTls } from "./transport/client/connecting/channel-tls.js";
export type { CallCredentials, CredentialsRequest } from "./transport/client/call-credentials.js";
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
export type { MethodOptions } from "./transport/client/settings/method-options.js";
export type {
  HedgingPolicy,
  MethodSettings,
  RetryPolicy,
  RetryThrottling,
} from "./transport/client/settings/method-settings.js";
export type { NamingOptions } from "./transport/client/naming/naming.js";
export type { SettingsOptions } from "./transport/client/settings/settings-options.js";
export type { CallEndEvent, CallStartEvent, ConnectionEvent } from "./transport/diagnostics.js";
export type { DynamicHandler, Handler, Implementation, MessageSource } from "./transport/server/handler.js";
export type { HandlerCall } from "./transport/server/handler-call.js";
export type { ServerLimits } from "./transport/server/limits.js";
export {
  interceptMethod,
  type Call,
  type CallChanges,
  type CallEnd,
  type Interceptor,
  type Next,
  type Reply,
} from "./transport/intercept.js";
export type { Tap, TapListener, TappedEnd, TappedMethod, TapSide } from "./transport/tap.js";
export type { Pem, TlsVersion } from "./transport/tls.js";
export type { CloseOptions, Listening } from "./transport/server/listener.js";
export { Server, type ServerOptions, type ServiceOptions } from "./transport/server/server.js";
export type { ServerTls } from "./transport/server/server-tls.js";
export type { EndedCall } from "./transport/server/session.js";
