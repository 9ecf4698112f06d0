/**
 * The negative HTTP/2 cases, the client's side: what it does while the server of `http2-server.ts` misbehaves.
 *
 * Spec: grpc/grpc, doc/http2-interop-test-descriptions.md.
 */
import assert from "node:assert/strict";
import { type Channel, Code, StatusError } from "../../src/index.js";
import { type Case, LARGE, largeUnary } from "./cases.js";
import { TestService } from "./service.js";

const MANY_CALLS = 10;

export const HTTP2_CASES: Readonly<Record<string, Case>> = {
  // "The client should handle the goaway by switching to a new stream without the user application having to do a thing."
  goaway: async (channel) => {
    await largeUnary(channel);
    await largeUnary(channel);
  },
  rst_after_header: failingUnary,
  rst_during_data: failingUnary,
  rst_after_data: failingUnary,
  ping: largeUnary,
  // "Client sends initial UnaryCall to allow the server to update its MAX_CONCURRENT_STREAMS settings."
  max_streams: async (channel) => {
    await largeUnary(channel);
    await Promise.all(Array.from({ length: MANY_CALLS }, () => largeUnary(channel)));
  },
  data_frame_padding: largeUnary,
  no_df_padding_sanity_test: largeUnary,
};

/** "Call was not successful": a reset stream whose code says NO_ERROR is INTERNAL (PROTOCOL-HTTP2.md, Errors). */
async function failingUnary(channel: Channel): Promise<void> {
  await assert.rejects(
    channel.client(TestService).unaryCall(LARGE, { timeoutMs: 10_000 }),
    (error) => error instanceof StatusError && error.code === Code.INTERNAL,
  );
}
