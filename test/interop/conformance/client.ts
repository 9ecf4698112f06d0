/**
 * The client under test: makes the calls that connectconformance describes on stdin, and tells on stdout what became of them.
 * Its one argument is the directory of the suite's `.proto` files.
 *
 * Spec: connectconformance, `docs/testing_clients.md`.
 * Laws: barewire's public API and nothing else; a cancelled call is read to its end like any other; calls run side by side.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  Channel,
  Metadata,
  type CallFacts,
  type CallOptions,
  type ChannelTls,
  type DynamicCall,
  type DynamicMessage,
  type MethodKind,
} from "../../../src/index.js";
import { CODINGS, COMPRESSION } from "./codings.js";
import {
  conformanceService,
  contractMessage,
  loadContract,
  StreamType,
  unpacked,
  type CancelTiming,
  type ClientCompatRequest,
  type ClientCompatResponse,
  type ClientResponseResult,
  type RpcError,
} from "./contract.js";
import { delimited, readDelimited } from "./delimited.js";
import { appendHeaders, headersOf, rpcErrorOf } from "./facts.js";

/** Calls that run at once. Most of the time of the slow ones is spent waiting. */
const MAX_CALLS = 8;

const contract = loadContract(process.argv[2] ?? "");
const service = conformanceService(contract);
const requestType = contractMessage<ClientCompatRequest>(contract, "ClientCompatRequest");
const responseType = contractMessage<ClientCompatResponse>(contract, "ClientCompatResponse");

type Starter = (input?: unknown, options?: CallOptions) => DynamicCall;

/** What has been seen of a call so far. */
interface Seen {
  readonly payloads: DynamicMessage[];
  unsent: number;
}

/** One channel serves all calls that want the same of it. */
const channels = new Map<string, Channel>();

async function answer(request: ClientCompatRequest): Promise<ClientCompatResponse> {
  const { testName } = request;
  try {
    return { testName, result: { case: "response", value: await makeCall(channelFor(request), request) } };
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { testName, result: { case: "error", value: { message } } };
  }
}

function channelFor(request: ClientCompatRequest): Channel {
  const { host, port, messageReceiveLimit, compression } = request;
  const tls = tlsFor(request);
  const key = JSON.stringify([host, port, messageReceiveLimit, compression, tls]);
  let channel = channels.get(key);
  if (channel === undefined) {
    const send = CODINGS.get(compression);
    if (send === undefined) throw new Error(`Cannot compress in the coding of number ${compression}`);
    const limits = messageReceiveLimit === 0 ? {} : { maxReceiveBytes: messageReceiveLimit };
    channel = new Channel(`${host}:${port}`, { ...limits, tls, compression: { ...COMPRESSION, send } });
    channels.set(key, channel);
  }
  return channel;
}

/** "The client should be configured to treat this certificate as a trusted certificate authority". */
function tlsFor({ serverTlsCert, clientTlsCreds }: ClientCompatRequest): ChannelTls | false {
  return serverTlsCert.length > 0 && { ca: serverTlsCert, cert: clientTlsCreds?.cert, key: clientTlsCreds?.key };
}

async function makeCall(channel: Channel, request: ClientCompatRequest): Promise<ClientResponseResult> {
  const method = Object.values(service.methods).find(({ name }) => name === request.method);
  if (method === undefined) throw new Error(`Cannot call ${request.method} as the service has no such method`);
  const start = channel.client(service)[method.localName] as unknown as Starter;
  const messages = request.requestMessages.map((message) => unpacked(method.request, message) as DynamicMessage);
  const options: CallOptions = {
    metadata: appendHeaders(new Metadata(), request.requestHeaders),
    timeoutMs: request.timeoutMs,
  };
  const seen: Seen = { payloads: [], unsent: 0 };
  const oneRequest = method.kind === "unary" || method.kind === "serverStreaming";
  const call = oneRequest ? start(messages[0], options) : start(options);
  let error: RpcError | undefined;
  try {
    await FLOWS[method.kind](call, messages, request, seen);
  } catch (thrown) {
    error = rpcErrorOf(thrown);
  }
  return {
    responseHeaders: headersOf(await call.headers),
    payloads: seen.payloads,
    error,
    responseTrailers: headersOf(await call.trailers),
    numUnsentRequests: seen.unsent,
  };
}

type Flow = (
  call: DynamicCall,
  messages: readonly DynamicMessage[],
  request: ClientCompatRequest,
  seen: Seen,
) => Promise<void>;

/** What is done with a call that was started, by the kind of its method. */
const FLOWS: Readonly<Record<MethodKind, Flow>> = {
  unary: async (call, _messages, request, seen) => {
    cancelAfterClose(call, request);
    take(seen, await call);
  },
  serverStreaming: async (call, _messages, request, seen) => {
    cancelAfterClose(call, request);
    await receiveAll(call, request, seen);
  },
  clientStreaming: async (call, messages, request, seen) => {
    await sendAll(call, messages, request, seen);
    if (timingOf(request)?.case === "beforeCloseSend") call.cancel();
    const response = call.finish();
    cancelAfterClose(call, request);
    take(seen, await response);
  },
  bidiStreaming: async (call, messages, request, seen) => {
    await sendAll(call, messages, request, seen);
    if (timingOf(request)?.case === "beforeCloseSend") call.cancel();
    call.closeSend();
    cancelAfterClose(call, request);
    await receiveAll(call, request, seen);
  },
};

/** Sends every message; in full duplex each but the first waits for the response to the one before it. */
async function sendAll(
  call: DynamicCall,
  messages: readonly DynamicMessage[],
  request: ClientCompatRequest,
  seen: Seen,
): Promise<void> {
  const alternate = request.streamType === StreamType.FULL_DUPLEX_BIDI_STREAM;
  let ended = false;
  void call.status.then(() => (ended = true));
  for (const [index, message] of messages.entries()) {
    if (request.requestDelayMs > 0) await delay(request.requestDelayMs);
    seen.unsent = messages.length - index;
    if (ended) return;
    await call.send(message);
    seen.unsent--;
    if (alternate && !(await receiveOne(call, request, seen))) return;
  }
}

async function receiveAll(call: DynamicCall, request: ClientCompatRequest, seen: Seen): Promise<void> {
  while (await receiveOne(call, request, seen));
}

/** Takes the next response, and cancels behind the one that the test names. Says whether there was one. */
async function receiveOne(call: DynamicCall, request: ClientCompatRequest, seen: Seen): Promise<boolean> {
  const response = await call.receive();
  if (response === undefined) return false;
  take(seen, response);
  const timing = timingOf(request);
  if (timing?.case === "afterNumResponses" && timing.value === seen.payloads.length) call.cancel();
  return true;
}

/** "An empty response message is possible": its payload is an empty one. */
function take(seen: Seen, response: DynamicMessage): void {
  seen.payloads.push((response["payload"] ?? {}) as DynamicMessage);
}

/** "If none are present, the client should cancel immediately after all request messages are sent". */
function timingOf({ cancel }: ClientCompatRequest): CancelTiming | undefined {
  if (cancel === undefined || cancel.cancelTiming.case !== undefined) return cancel?.cancelTiming;
  return { case: "afterCloseSendMs", value: 0 };
}

function cancelAfterClose(call: CallFacts, request: ClientCompatRequest): void {
  const timing = timingOf(request);
  if (timing?.case === "afterCloseSendMs") setTimeout(() => call.cancel(), timing.value);
}

async function answerInTurn(requests: AsyncIterator<ClientCompatRequest>): Promise<void> {
  for (;;) {
    const step = await requests.next();
    if (step.done === true) return;
    process.stdout.write(delimited(responseType, await answer(step.value)));
  }
}

async function main(): Promise<void> {
  const requests = readDelimited(process.stdin, requestType);
  await Promise.all(Array.from({ length: MAX_CALLS }, () => answerInTurn(requests)));
  await Promise.all([...channels.values()].map((channel) => channel.close()));
}

await main();
