/**
 * What may be said of an error beside its code and its text, in the ten types that gRPC libraries agree on.
 *
 * Spec: google/rpc/error_details.proto.
 * Laws: types only: the codec of a status knows nothing of protobuf, `proto/status-details.ts` turns these into bytes.
 */

/** A length of time. Source: google/protobuf/duration.proto. */
interface DurationValue {
  seconds: bigint;
  nanos: number;
}

/** The cause of an error, for programs. */
export interface ErrorInfo {
  /** A constant in UPPER_SNAKE_CASE, unique in its domain: `"STOCKOUT"`. */
  reason: string;
  /** Who defines the reasons, mostly a service's name: `"orders.example.com"`. */
  domain: string;
  /** More about this one error. */
  metadata: Map<string, string>;
}

/** When to try again. */
export interface RetryInfo {
  retryDelay: DurationValue | undefined;
}

/** For whoever looks after the server, and not to be shown to strangers. */
export interface DebugInfo {
  stackEntries: readonly string[];
  detail: string;
}

/** Which quota was used up. */
export interface QuotaFailure {
  violations: readonly {
    /** Whose quota: `"clientip:192.0.2.1"`. */
    subject: string;
    description: string;
    apiService: string;
    quotaMetric: string;
    quotaId: string;
    quotaDimensions: Map<string, string>;
    quotaValue: bigint;
    futureQuotaValue: bigint | undefined;
  }[];
}

/** What has to be done before the call can succeed. */
export interface PreconditionFailure {
  violations: readonly { type: string; subject: string; description: string }[];
}

/** What is wrong with the request. */
export interface BadRequest {
  fieldViolations: readonly {
    /** The path of the field in the request: `"addresses[2].zip_code"`. */
    field: string;
    description: string;
    /** A constant in UPPER_SNAKE_CASE. */
    reason: string;
    localizedMessage: LocalizedMessage | undefined;
  }[];
}

/** What to name when asking for help. */
export interface RequestInfo {
  requestId: string;
  servingData: string;
}

/** Which resource the error is about. */
export interface ResourceInfo {
  resourceType: string;
  resourceName: string;
  owner: string;
  description: string;
}

/** Where to read on. */
export interface Help {
  links: readonly { description: string; url: string }[];
}

/** A text for the user of the application. */
export interface LocalizedMessage {
  /** BCP 47: `"en-US"`. */
  locale: string;
  message: string;
}

/** The types of details that are known by name. */
export interface StatusDetailTypes {
  "google.rpc.ErrorInfo": ErrorInfo;
  "google.rpc.RetryInfo": RetryInfo;
  "google.rpc.DebugInfo": DebugInfo;
  "google.rpc.QuotaFailure": QuotaFailure;
  "google.rpc.PreconditionFailure": PreconditionFailure;
  "google.rpc.BadRequest": BadRequest;
  "google.rpc.RequestInfo": RequestInfo;
  "google.rpc.ResourceInfo": ResourceInfo;
  "google.rpc.Help": Help;
  "google.rpc.LocalizedMessage": LocalizedMessage;
}

/** A detail of another type: a `google.protobuf.Any`, as `packAny` makes one and `unpackAny` opens it. */
export interface PackedDetail {
  readonly typeName?: undefined;
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** One detail that was received: a message of a known type by its name, or an `Any`. */
export type StatusDetail =
  | {
      [Name in keyof StatusDetailTypes]: { readonly typeName: Name; readonly message: StatusDetailTypes[Name] };
    }[keyof StatusDetailTypes]
  | PackedDetail;

/** What may be given for a message: every field may be left out, and a map may be an object. */
type Given<T> =
  T extends Map<string, infer V>
    ? ReadonlyMap<string, V> | Readonly<Record<string, V>>
    : T extends readonly (infer Item)[]
      ? readonly Given<Item>[]
      : T extends object
        ? { readonly [K in keyof T]?: Given<T[K]> | undefined }
        : T extends bigint
          ? bigint | number
          : T;

/** One detail to be sent: what may be received may be sent, and every field may be left out. */
export type StatusDetailInit =
  | {
      [Name in keyof StatusDetailTypes]: { readonly typeName: Name; readonly message: Given<StatusDetailTypes[Name]> };
    }[keyof StatusDetailTypes]
  | PackedDetail;
