/**
 * What all contenders serve and call: one message, and one method of each kind, which all say back what they are told.
 */
export const CONTRACT = `syntax = "proto3";
package bench;

message Payload {
  string id = 1;
  int32 count = 2;
  bytes body = 3;
}

service Bench {
  // Answers with the request.
  rpc Echo(Payload) returns (Payload);
  // Answers with the request, \`count\` times.
  rpc Download(Payload) returns (stream Payload);
  // Answers with the number of messages.
  rpc Upload(stream Payload) returns (Payload);
  // Answers each message with itself.
  rpc Exchange(stream Payload) returns (stream Payload);
}
`;

/** A message as all contenders take it. */
export type Payload = { readonly id: string; readonly count: number; readonly body: Uint8Array };

/** What is in an encoded {@link Payload} beside its body, while that is shorter than 128 bytes. */
const OVERHEAD_BYTES = 14;

/** A message whose encoding is `bytes` long, give or take the three bytes that a longer length takes. */
export function payloadOf(bytes: number): Payload {
  if (bytes < OVERHEAD_BYTES) return { id: "", count: 0, body: Buffer.alloc(bytes - 2, 7) };
  return { id: "row-0001", count: 77, body: Buffer.alloc(bytes - OVERHEAD_BYTES, 7) };
}

/** A message of that size in words, which compress as text does: to about a third. */
export function textPayloadOf(bytes: number): Payload {
  const words = Array.from({ length: 200 }, (_, i) => ((i * 2_654_435_761) >>> 0).toString(36));
  let text = "";
  for (let at = 1; text.length < bytes; at = (at * 48_271) % 2_147_483_647) text += `${words[at % 200]} `;
  return { ...payloadOf(bytes), body: Buffer.from(text.slice(0, bytes - OVERHEAD_BYTES)) };
}
