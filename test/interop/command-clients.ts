/**
 * The cases that a command line can make: one call by `buf curl` or `grpcurl`, requests on standard input, responses as JSON.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Client".
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { dirname } from "node:path";
import { type Output, type Program, runProgram } from "./program.js";
import {
  ECHO_INITIAL,
  ECHO_INITIAL_VALUE,
  ECHO_TRAILING,
  ECHO_TRAILING_VALUE,
  LARGE_REQUEST,
  LARGE_RESPONSE,
  REQUEST_SIZES,
  RESPONSE_SIZES,
  SPECIAL_STATUS_MESSAGE,
  STATUS_MESSAGE,
  TEST_PROTO,
} from "./service.js";
import type { Where } from "./peers.js";

/** One call, and what must come back: payloads of these sizes and a status. */
interface CommandCase {
  /** Service and method, such as `"TestService/EmptyCall"`. */
  readonly method: string;
  readonly requests: readonly object[];
  readonly sizes?: readonly number[];
  readonly code?: "UNKNOWN" | "UNIMPLEMENTED";
  readonly message?: string;
  readonly aggregated?: number;
  readonly metadata?: boolean;
}

const PINGS = RESPONSE_SIZES.map((size, i) => ({
  responseParameters: [{ size }],
  payload: payload(REQUEST_SIZES[i] ?? 0),
}));

export const COMMAND_CASES: Readonly<Record<string, CommandCase>> = {
  empty_unary: { method: "TestService/EmptyCall", requests: [{}] },
  large_unary: { method: "TestService/UnaryCall", requests: [large()], sizes: [LARGE_RESPONSE] },
  client_streaming: {
    method: "TestService/StreamingInputCall",
    requests: REQUEST_SIZES.map((size) => ({ payload: payload(size) })),
    aggregated: REQUEST_SIZES.reduce((sum, size) => sum + size, 0),
  },
  server_streaming: {
    method: "TestService/StreamingOutputCall",
    requests: [{ responseParameters: RESPONSE_SIZES.map((size) => ({ size })) }],
    sizes: RESPONSE_SIZES,
  },
  // All requests at once: a command has no eyes for the answers.
  ping_pong: { method: "TestService/FullDuplexCall", requests: PINGS, sizes: RESPONSE_SIZES },
  custom_metadata: {
    method: "TestService/UnaryCall",
    requests: [large()],
    sizes: [LARGE_RESPONSE],
    metadata: true,
  },
  status_code_and_message: {
    method: "TestService/UnaryCall",
    requests: [{ responseStatus: { code: 2, message: STATUS_MESSAGE } }],
    code: "UNKNOWN",
    message: STATUS_MESSAGE,
  },
  special_status_message: {
    method: "TestService/UnaryCall",
    requests: [{ responseStatus: { code: 2, message: SPECIAL_STATUS_MESSAGE } }],
    code: "UNKNOWN",
    message: SPECIAL_STATUS_MESSAGE,
  },
  unimplemented_method: { method: "TestService/UnimplementedCall", requests: [{}], code: "UNIMPLEMENTED" },
  unimplemented_service: { method: "UnimplementedService/UnimplementedCall", requests: [{}], code: "UNIMPLEMENTED" },
  server_compressed_unary: {
    method: "TestService/UnaryCall",
    requests: [{ ...large(), responseCompressed: { value: true } }],
    sizes: [LARGE_RESPONSE],
  },
  server_compressed_streaming: {
    method: "TestService/StreamingOutputCall",
    requests: [
      {
        responseParameters: [
          { size: 31_415, compressed: { value: true } },
          { size: 92_653, compressed: { value: false } },
        ],
      },
    ],
    sizes: [31_415, 92_653],
  },
};

function large(): object {
  return { responseSize: LARGE_RESPONSE, payload: payload(LARGE_REQUEST) };
}

function payload(size: number): object {
  return { body: Buffer.alloc(size).toString("base64") };
}

/** A program that makes one call. */
export interface CommandClient {
  program(where: Where, method: string, metadata: readonly string[], input: string): Program;
  /** The status that the program's output tells of. */
  failure(output: Output): { readonly code: string; readonly message: string };
}

export function bufCurl(buf: string): CommandClient {
  return {
    program: ({ port, tls }, method, metadata, input) => ({
      command: buf,
      args: [
        ...["curl", "--protocol", "grpc", "--schema", dirname(TEST_PROTO), "--verbose", "--data", "@-"],
        ...(tls === undefined ? ["--http2-prior-knowledge"] : ["--cacert", tls.ca, "--servername", tls.name]),
        ...metadata.flatMap((line) => ["--header", line]),
        `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}/grpc.testing.${method}`,
      ],
      input,
    }),
    failure: ({ stdout, stderr }) => {
      const json = /^\{\n? *"code"[\s\S]*?^\}/m.exec(`${stderr}\n${stdout}`)?.[0] ?? "{}";
      const { code = "", message = "" } = JSON.parse(json) as { code?: string; message?: string };
      return { code: code.toUpperCase(), message };
    },
  };
}

export function grpcurl(command: string): CommandClient {
  return {
    program: ({ port, tls }, method, metadata, input) => ({
      command,
      args: [
        ...["-import-path", dirname(TEST_PROTO), "-proto", "test.proto", "-v", "-format-error", "-d", "@"],
        ...(tls === undefined ? ["-plaintext"] : ["-cacert", tls.ca, "-authority", tls.name]),
        ...metadata.flatMap((line) => ["-H", line]),
        `127.0.0.1:${port}`,
        `grpc.testing.${method}`,
      ],
      input,
    }),
    failure: ({ stdout, stderr }) => {
      const json = /^\{\n *"code"[\s\S]*?^\}/m.exec(`${stderr}\n${stdout}`)?.[0] ?? "{}";
      const { code = 0, message = "" } = JSON.parse(json) as { code?: number; message?: string };
      return { code: code === 2 ? "UNKNOWN" : code === 12 ? "UNIMPLEMENTED" : String(code), message };
    },
  };
}

/** Makes the call of a case. @throws Error when something else came back. */
export async function runCommandCase(client: CommandClient, where: Where, name: string): Promise<void> {
  const one = COMMAND_CASES[name];
  if (one === undefined) throw new Error(`there is no case ${name} for a command`);
  const metadata = one.metadata === true ? METADATA_LINES : [];
  const input = one.requests.map((request) => JSON.stringify(request)).join("\n");
  const output = await runProgram(client.program(where, one.method, metadata, input));
  if (one.code !== undefined) {
    assert.notEqual(output.code, 0, "the program says that the call failed");
    const { code, message } = client.failure(output);
    assert.equal(code, one.code, output.stderr.slice(-500));
    if (one.message !== undefined) assert.equal(message, one.message);
    return;
  }
  assert.equal(output.code, 0, output.stderr.slice(-500));
  if (one.sizes !== undefined) assert.deepEqual(sizesIn(output.stdout), one.sizes);
  if (one.aggregated !== undefined)
    assert.match(output.stdout, new RegExp(`"aggregatedPayloadSize": *${one.aggregated}\\b`));
  if (one.metadata === true) {
    const all = `${output.stdout}\n${output.stderr}`;
    assert.match(all, new RegExp(`${ECHO_INITIAL}: ${ECHO_INITIAL_VALUE}`, "i"));
    assert.match(all, new RegExp(`${ECHO_TRAILING}: ${ECHO_TRAILING_TEXT}`, "i"));
  }
}

const ECHO_TRAILING_TEXT = Buffer.from(ECHO_TRAILING_VALUE).toString("base64");
const METADATA_LINES = [`${ECHO_INITIAL}: ${ECHO_INITIAL_VALUE}`, `${ECHO_TRAILING}: ${ECHO_TRAILING_TEXT}`];

/** How long the payloads are that were printed, in bytes. */
function sizesIn(stdout: string): number[] {
  return [...stdout.matchAll(/"body": *"([A-Za-z0-9+/=]*)"/g)].map(
    ([, text]) => Buffer.from(text ?? "", "base64").length,
  );
}
