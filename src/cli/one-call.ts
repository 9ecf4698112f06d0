/**
 * One call of the command line, of any of the four kinds: requests from an input, responses to stdout.
 *
 * Laws: requests are sent as they come while responses are printed as they come; a mistake in the requests cancels the call; when
 * the call ends, nothing is read any more.
 */
import { type CallOptions, type DynamicCall, type Method, type Service, StatusError } from "../index.js";
import type { AnyTypes } from "./any-types.js";
import { callFailure } from "./call-failure.js";
import { mistake } from "./mistakes.js";
import type { CallReport } from "./call-report.js";
import { readRequest, type RequestForm, requestInput, type RequestInput } from "./requests.js";
import { ResponsePrinter } from "./responses.js";
import type { Target } from "./target.js";

/** What is to be called, and how requests and responses are written. */
export interface CallOrder {
  readonly data: string | undefined;
  readonly format: "json" | "text";
  readonly isCompact: boolean;
  readonly emitDefaults: boolean;
  readonly ignoreUnknown: boolean;
  readonly compression: string | undefined;
  readonly authority: string | undefined;
}

/** A call being made. */
export class OneCall {
  readonly #order: CallOrder;
  readonly #target: Target;
  readonly #service: Service;
  readonly #method: Method;
  readonly #types: AnyTypes;
  readonly #report: CallReport | undefined;
  readonly #printer: ResponsePrinter;
  readonly #input: RequestInput | undefined;
  #call: DynamicCall | undefined;
  /** Why the requests ended before their end. */
  #inputError: Error | undefined;

  constructor(
    order: CallOrder,
    target: Target,
    service: Service,
    method: Method,
    types: AnyTypes,
    report: CallReport | undefined,
  ) {
    this.#order = order;
    this.#target = target;
    this.#service = service;
    this.#method = method;
    this.#types = types;
    this.#report = report;
    const { format, emitDefaults, isCompact } = order;
    const form = { type: method.response, format, emitDefaults, isCompact, types };
    this.#printer = new ResponsePrinter(form, () => this.#call?.cancel());
    this.#input = requestInput(order.data);
  }

  /** Makes the call; resolves to the exit code. @throws UsageError when it fails. */
  async run(): Promise<number> {
    try {
      await this.#run();
      return 0;
    } catch (error) {
      if (this.#printer.readerGone) return 0;
      throw this.#failure(this.#inputError ?? error);
    } finally {
      this.#input?.stop();
      if (this.#call !== undefined) await this.#report?.ended(this.#call);
    }
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof StatusError)) return error;
    const { address, isTls } = this.#target;
    return callFailure(error, { address, isTls, purpose: "call", types: this.#types.schemas });
  }

  async #run(): Promise<void> {
    const { kind } = this.#method;
    const takesOne = kind === "unary" || kind === "serverStreaming";
    const running = this.#start(takesOne ? await this.#onlyRequest() : undefined);
    const sending = takesOne ? undefined : this.#sendAll(running);
    if (kind === "unary") await this.#print(await running);
    else if (kind === "clientStreaming") {
      await sending;
      if (this.#inputError === undefined) await this.#print(await running.finish());
    } else {
      for (let message = await running.receive(); message !== undefined; message = await running.receive()) {
        await this.#print(message);
      }
    }
    this.#input?.stop();
    await sending;
    if (this.#inputError !== undefined) throw this.#inputError;
  }

  #start(request: unknown): DynamicCall {
    const { kind } = this.#method;
    const { compression, authority } = this.#order;
    const options: CallOptions = { ...this.#target.callOptions, ...(compression === undefined ? {} : { compression }) };
    this.#report?.starting(this.#method, this.#target, [
      ...(authority === undefined ? [] : [[":authority", authority] as const]),
      ...(compression === undefined ? [] : [["grpc-encoding", compression] as const]),
    ]);
    const client = this.#target.channel.client(this.#service);
    const start = client[this.#method.localName] as (first?: unknown, second?: CallOptions) => DynamicCall;
    const takesOne = kind === "unary" || kind === "serverStreaming";
    const running = takesOne ? start(request, options) : start(options);
    if (takesOne) this.#report?.sent();
    this.#report?.started(running);
    this.#call = running;
    return running;
  }

  /** The one request of a method that takes one. */
  async #onlyRequest(): Promise<unknown> {
    const requests: unknown[] = [];
    for await (const request of this.#requests()) {
      requests.push(request);
      if (requests.length === 1) continue;
      throw mistake(`${this.#method.name} takes one request, and there are more in ${this.#input?.name ?? ""}`);
    }
    return requests[0] ?? {};
  }

  async *#requests(): AsyncGenerator<unknown, void, undefined> {
    const input = this.#input;
    if (input === undefined) return;
    const { ignoreUnknown } = this.#order;
    for await (const json of input.values()) {
      await this.#types.findIn(json.text);
      const form: RequestForm = { type: this.#method.request, ignoreUnknown, types: this.#types.schemas };
      yield readRequest(json, input, form);
    }
  }

  /** Sends what comes, until it or the call ends. A mistake in it cancels the call. */
  async #sendAll(running: DynamicCall): Promise<void> {
    let ended = false;
    void running.status.then(() => {
      ended = true;
      return this.#input?.stop();
    });
    try {
      for await (const request of this.#requests()) {
        // oxlint-disable-next-line typescript/no-unnecessary-condition -- set by the call's end
        if (ended) return;
        await running.send(request as Record<string, unknown>);
        this.#report?.sent();
      }
      running.closeSend();
    } catch (error) {
      this.#inputError = error instanceof Error ? error : new Error(String(error));
      running.cancel();
    }
  }

  async #print(message: unknown): Promise<void> {
    const { response } = this.#method;
    this.#report?.received(response.encode(message).length, this.#call?.responseCompressed ?? false);
    await this.#printer.print(message);
  }
}
