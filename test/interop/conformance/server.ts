/**
 * The server under test: answers the calls of connectconformance's clients in the way each request asks for. How it is to be
 * started comes on stdin, where it listens goes to stdout. Its one argument is the directory of the suite's `.proto` files.
 *
 * Spec: connectconformance, `docs/testing_servers.md`; the comments of `service.proto`.
 * Laws: barewire's public API and nothing else; `Unimplemented` is not implemented.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  Server,
  type DynamicHandler,
  type DynamicMessage,
  type HandlerCall,
  type Implementation,
  type ServerTls,
  type Service,
} from "../../../src/index.js";
import { CODINGS, COMPRESSION } from "./codings.js";
import {
  conformanceService,
  contractMessage,
  loadContract,
  packed,
  type Header,
  type PackedMessage,
  type RpcError,
  type ServerCompatRequest,
  type ServerCompatResponse,
} from "./contract.js";
import { delimited, readDelimited } from "./delimited.js";
import { appendHeaders, headersOf, statusErrorOf } from "./facts.js";

const contract = loadContract(process.argv[2] ?? "");
const requestType = contractMessage<ServerCompatRequest>(contract, "ServerCompatRequest");
const responseType = contractMessage<ServerCompatResponse>(contract, "ServerCompatResponse");
const infoType = contractMessage<RequestInfo>(contract, "ConformancePayload.RequestInfo");

/** What the server saw of a request, told back to the client. */
interface RequestInfo {
  readonly requestHeaders?: readonly Header[];
  readonly timeoutMs?: bigint | undefined;
  readonly requests: readonly PackedMessage[];
}

interface ResponseDefinition {
  readonly responseHeaders: readonly Header[];
  readonly responseTrailers: readonly Header[];
  readonly responseDelayMs: number;
}

/** What a call with one response is to be answered with. */
interface UnaryDefinition extends ResponseDefinition {
  readonly response:
    | { readonly case: "responseData"; readonly value: Uint8Array }
    | { readonly case: "error"; readonly value: RpcError }
    | { readonly case: undefined };
}

/** What a call with many responses is to be answered with. */
interface StreamDefinition extends ResponseDefinition {
  readonly responseData: readonly Uint8Array[];
  readonly error: RpcError | undefined;
}

const implementation: Readonly<Record<string, DynamicHandler>> = {
  unary: (request, call) => replyOnce(unaryDefinition(request), [request], call),
  idempotentUnary: (request, call) => replyOnce(unaryDefinition(request), [request], call),
  clientStream: async (requests, call) => {
    const received: DynamicMessage[] = [];
    for await (const request of requests) received.push(request);
    return replyOnce(unaryDefinition(received[0]), received, call);
  },
  serverStream: (request, call) => replyToAll(streamDefinition(request), [request], call),
  bidiStream: (requests, call) => replyToMany(requests, call),
};

function unaryDefinition(request: DynamicMessage | undefined): UnaryDefinition | undefined {
  return request?.["responseDefinition"] as UnaryDefinition | undefined;
}

function streamDefinition(request: DynamicMessage | undefined): StreamDefinition | undefined {
  return request?.["responseDefinition"] as StreamDefinition | undefined;
}

function requestInfo(call: HandlerCall, requests: readonly DynamicMessage[]): RequestInfo {
  const { deadline } = call;
  return {
    requestHeaders: headersOf(call.metadata),
    timeoutMs: deadline === undefined ? undefined : BigInt(deadline.getTime() - Date.now()),
    requests: requests.map((request) => packed(call.method.request, request)),
  };
}

/** Compresses the responses in a coding that the client takes, if there is one. */
function compressResponses(call: HandlerCall): void {
  for (const name of CODINGS.values()) {
    if (call.compression === "identity") call.compression = name;
  }
}

function setMetadata(call: HandlerCall, definition: ResponseDefinition): void {
  appendHeaders(call.headers, definition.responseHeaders);
  appendHeaders(call.trailers, definition.responseTrailers);
}

async function replyOnce(
  definition: UnaryDefinition | undefined,
  requests: readonly DynamicMessage[],
  call: HandlerCall,
): Promise<DynamicMessage> {
  compressResponses(call);
  const info = requestInfo(call, requests);
  if (definition === undefined) return { payload: { requestInfo: info } };
  setMetadata(call, definition);
  if (definition.responseDelayMs > 0) await delay(definition.responseDelayMs);
  const { response } = definition;
  if (response.case === "error") throw statusErrorOf(response.value, packed(infoType, info));
  const data = response.case === "responseData" ? response.value : new Uint8Array();
  return { payload: { data, requestInfo: info } };
}

/** The responses of a call whose requests have all come, or whose client waits for none of them. */
async function* replyToAll(
  definition: StreamDefinition | undefined,
  requests: readonly DynamicMessage[],
  call: HandlerCall,
): AsyncGenerator<DynamicMessage> {
  if (definition === undefined) return;
  compressResponses(call);
  setMetadata(call, definition);
  if (definition.responseData.length > 0) call.sendHeaders();
  yield* restOfReplies(definition, 0, requests, call);
}

/** The responses from number `sent` on, then the error if there is one. */
async function* restOfReplies(
  definition: StreamDefinition,
  sent: number,
  requests: readonly DynamicMessage[],
  call: HandlerCall,
): AsyncGenerator<DynamicMessage> {
  const { responseData, responseDelayMs, error } = definition;
  for (const [index, data] of responseData.entries()) {
    if (index < sent) continue;
    if (responseDelayMs > 0) await delay(responseDelayMs);
    yield { payload: index === 0 ? { data, requestInfo: requestInfo(call, requests) } : { data } };
  }
  if (error === undefined) return;
  const nothingSent = sent === 0 && responseData.length === 0;
  throw statusErrorOf(error, nothingSent ? packed(infoType, requestInfo(call, requests)) : undefined);
}

async function* replyToMany(
  requests: AsyncIterable<DynamicMessage>,
  call: HandlerCall,
): AsyncGenerator<DynamicMessage> {
  const received: DynamicMessage[] = [];
  for await (const request of requests) {
    if (received.length === 0 && request["fullDuplex"] === true) {
      yield* replyInTurn(request, requests, call);
      return;
    }
    received.push(request);
  }
  yield* replyToAll(streamDefinition(received[0]), received, call);
}

/** Full duplex: one response for each request, then the responses that are left. */
async function* replyInTurn(
  first: DynamicMessage,
  requests: AsyncIterable<DynamicMessage>,
  call: HandlerCall,
): AsyncGenerator<DynamicMessage> {
  const definition = streamDefinition(first);
  if (definition === undefined) return;
  compressResponses(call);
  setMetadata(call, definition);
  const { responseData, responseDelayMs } = definition;
  if (responseData.length > 0) call.sendHeaders();
  let sent = 0;
  for (let request: DynamicMessage | undefined = first; request !== undefined; request = await nextOf(requests)) {
    const data = responseData[sent];
    if (data === undefined) {
      yield* restOfReplies(definition, sent, [request], call);
      return;
    }
    const echoed = { requests: [packed(call.method.request, request)] };
    const info: RequestInfo = sent === 0 ? requestInfo(call, [request]) : echoed;
    if (responseDelayMs > 0) await delay(responseDelayMs);
    yield { payload: { data, requestInfo: info } };
    sent++;
  }
  yield* restOfReplies(definition, sent, [], call);
}

async function nextOf(requests: AsyncIterable<DynamicMessage>): Promise<DynamicMessage | undefined> {
  const step = await requests[Symbol.asyncIterator]().next();
  return step.done === true ? undefined : step.value;
}

/** The certificate that came with the request, if it is to be used. */
function certificateOf({ useTls, serverCreds }: ServerCompatRequest): Uint8Array {
  return useTls && serverCreds !== undefined ? serverCreds.cert : new Uint8Array();
}

function tlsFor({ useTls, serverCreds, clientTlsCert }: ServerCompatRequest): ServerTls | undefined {
  if (!useTls) return undefined;
  if (serverCreds === undefined) throw new Error("Cannot use TLS as the request has no certificate for the server");
  return { ...serverCreds, clientCa: clientTlsCert.length > 0 ? clientTlsCert : undefined };
}

async function main(): Promise<void> {
  for await (const request of readDelimited(process.stdin, requestType)) {
    const { messageReceiveLimit } = request;
    const limits = messageReceiveLimit === 0 ? {} : { maxReceiveBytes: messageReceiveLimit };
    const server = new Server({ ...limits, tls: tlsFor(request), compression: COMPRESSION });
    server.add(conformanceService(contract), implementation as Implementation<Service>);
    const { port } = await server.listen("127.0.0.1:0");
    process.stdout.write(delimited(responseType, { host: "127.0.0.1", port, pemCert: certificateOf(request) }));
  }
}

await main();
