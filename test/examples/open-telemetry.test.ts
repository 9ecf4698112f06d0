/**
 * The bridge to OpenTelemetry: one trace over two hops, with the official packages.
 */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import {
  type Context,
  context,
  type ContextManager,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { traceCalls } from "../../examples/open-telemetry.js";
import { Code, StatusError } from "../../src/index.js";
import { withEcho } from "../support/echo-served.js";
import { gate } from "../support/echo-ways.js";

/** As the package `@opentelemetry/context-async-hooks` does it. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => run.apply(thisArg, args));
  }

  bind<T>(_context: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

/** W3C Trace Context, as far as this test needs it. */
const traceParent: TextMapPropagator = {
  inject(from, carrier, setter) {
    const span = trace.getSpanContext(from);
    if (span !== undefined) setter.set(carrier, "traceparent", `00-${span.traceId}-${span.spanId}-01`);
  },
  extract(into, carrier, getter) {
    const [, traceId, spanId] = String(getter.get(carrier, "traceparent")).split("-");
    if (traceId === undefined || spanId === undefined) return into;
    return trace.setSpanContext(into, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
  fields: () => ["traceparent"],
};

test("a call made inside a handler is in the trace of the handler's call, and failures are marked", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new Contexts());
  propagation.setGlobalPropagator(traceParent);
  const interceptors = [await traceCalls()];
  const told = gate();
  try {
    await withEcho(
      {
        unary(request) {
          if (request.text === "fail") throw new StatusError(Code.INTERNAL, "as asked");
          return request;
        },
      },
      async ({ client: inner }) => {
        await withEcho(
          {
            async *serverStreaming() {
              yield await inner.unary({});
              yield await inner.unary({ text: "fail" });
            },
          },
          async ({ client, callsEnded }) => {
            const call = client.serverStreaming({});
            await assert.rejects(async () => {
              for await (const _ of call);
            });
            await callsEnded(1);
            told.open();
          },
          { server: { interceptors }, channel: { interceptors } },
        );
      },
      { server: { interceptors }, channel: { interceptors } },
    );
    await told.opened;
    const spans = exporter.getFinishedSpans();
    assert.equal(spans.length, 6);
    assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);
    const shape = spans.map(({ kind, name, status, parentSpanContext }) => {
      const parent = spans.find((span) => span.spanContext().spanId === parentSpanContext?.spanId);
      const under = parent === undefined ? "nothing" : `${SpanKind[parent.kind]} ${parent.name.split("/")[1]}`;
      return `${SpanKind[kind]} ${name.split("/")[1]} under ${under}${status.code === SpanStatusCode.ERROR ? " failed" : ""}`;
    });
    assert.deepEqual(shape.toSorted(), [
      "CLIENT ServerStreaming under nothing failed",
      "CLIENT Unary under SERVER ServerStreaming",
      "CLIENT Unary under SERVER ServerStreaming failed",
      "SERVER ServerStreaming under CLIENT ServerStreaming failed",
      "SERVER Unary under CLIENT Unary",
      "SERVER Unary under CLIENT Unary failed",
    ]);
  } finally {
    trace.disable();
    context.disable();
    propagation.disable();
  }
});
