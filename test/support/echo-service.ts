/**
 * The contract most tests talk: one message type and one method of each of the four kinds.
 */
import { loadProto, type MessageType, type Method, type Service } from "../../src/index.js";

export const ECHO_PROTO = `syntax = "proto3";

package barewire.test;

message EchoMessage {
  string text = 1;
  bytes payload = 2;
  int32 number = 3;
}

service Echo {
  rpc Unary(EchoMessage) returns (EchoMessage);
  rpc ServerStreaming(EchoMessage) returns (stream EchoMessage);
  rpc ClientStreaming(stream EchoMessage) returns (EchoMessage);
  rpc BidiStreaming(stream EchoMessage) returns (stream EchoMessage);
}
`;

export interface EchoMessage {
  text: string;
  payload: Uint8Array;
  number: number;
}

export interface EchoMessageInit {
  text?: string | undefined;
  payload?: Uint8Array | undefined;
  number?: number | undefined;
}

export type EchoService = Service<{
  unary: Method<"unary", EchoMessage, EchoMessageInit, EchoMessage, EchoMessageInit>;
  serverStreaming: Method<"serverStreaming", EchoMessage, EchoMessageInit, EchoMessage, EchoMessageInit>;
  clientStreaming: Method<"clientStreaming", EchoMessage, EchoMessageInit, EchoMessage, EchoMessageInit>;
  bidiStreaming: Method<"bidiStreaming", EchoMessage, EchoMessageInit, EchoMessage, EchoMessageInit>;
}>;

const schema = loadProto({ "echo.proto": ECHO_PROTO });

export const Echo: EchoService = schema.service<EchoService>("barewire.test.Echo");
export const EchoMessageType: MessageType<EchoMessage, EchoMessageInit> = schema.message<EchoMessage, EchoMessageInit>(
  "barewire.test.EchoMessage",
);

/** The text of a status that carries everything a percent-encoder can get wrong. */
export const AWKWARD_TEXT = '\t\nspaces  and\r\n100% of /?#[]@"<> ☺ 😈 ü\t\n';
