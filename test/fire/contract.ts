/**
 * What the servers under fire serve: one method that may run twice, one that may not, and a stream.
 */
import { loadProto, type Method, type Service } from "../../src/index.js";

export interface Call {
  /** Names this call and no other, so that it is seen when it runs twice. */
  id: string;
  /** How many messages a stream is to have. */
  count: number;
}

export interface Ran {
  /** Which server ran it. */
  server: string;
  /** From 1, without gaps. */
  number: number;
}

type CallInit = Partial<Call>;
type RanInit = Partial<Ran>;

export type FireService = Service<{
  again: Method<"unary", Call, CallInit, Ran, RanInit>;
  once: Method<"unary", Call, CallInit, Ran, RanInit>;
  count: Method<"serverStreaming", Call, CallInit, Ran, RanInit>;
}>;

const PROTO = `syntax = "proto3";
package fire;
message Call { string id = 1; int32 count = 2; }
message Ran { string server = 1; int32 number = 2; }
service Fire {
  // Has a retry policy.
  rpc Again(Call) returns (Ran);
  // Has none.
  rpc Once(Call) returns (Ran);
  rpc Count(Call) returns (stream Ran);
}
`;

export const Fire: FireService = loadProto({ "fire.proto": PROTO }).service<FireService>("fire.Fire");
