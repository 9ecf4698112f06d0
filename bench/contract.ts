/**
 * What both sides of every row agree on: one message of about 100 bytes, one unary and one server-streaming method.
 */
export const CONTRACT = `
syntax = "proto3";
package bench;

message Payload {
  string id = 1;
  int32 count = 2;
  bytes body = 3;
}

service Bench {
  rpc Echo(Payload) returns (Payload);
  rpc Stream(Payload) returns (stream Payload);
}
`;

/** A message whose encoding is 100 bytes long. */
export const PAYLOAD = Object.freeze({ id: "row-0001", count: 77, body: new Uint8Array(86).fill(7) });

/** One measured run. */
export interface Measurement {
  /** Calls or messages a second. */
  readonly rate: number;
  /** Microseconds of client CPU for each of them. */
  readonly clientCpuUs: number;
  /** Microseconds of server CPU for each of them. */
  readonly serverCpuUs: number;
  /** Milliseconds; unary rows only. */
  readonly p50?: number;
  readonly p99?: number;
}

export const IMPLEMENTATIONS = ["barewire", "grpc-js"] as const;
export type Implementation = (typeof IMPLEMENTATIONS)[number];

export const ROWS = [
  { name: "unary", title: "unary, 100 bytes, 64 in flight", unit: "calls/s" },
  { name: "stream", title: "server streaming, 100 bytes, one stream", unit: "messages/s" },
] as const;
export type RowName = (typeof ROWS)[number]["name"];
