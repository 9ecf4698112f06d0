/**
 * OpenTelemetry: a span for every call, on both sides, in one trace.
 *
 *   const trace = await traceCalls();          // needs @opentelemetry/api
 *   new Channel(target, { interceptors: [trace] });
 *   new Server({ interceptors: [trace] });
 *
 * Names and attributes follow OpenTelemetry's "Semantic conventions for gRPC".
 */
import type { Span, TextMapGetter, TextMapSetter } from "@opentelemetry/api";
import { type CallEnd, Code, codeName, type Interceptor, type Metadata } from "barewire";

/** How a trace's context travels: in the metadata. */
const setter: TextMapSetter<Metadata> = { set: (metadata, name, value) => void metadata.set(name, value) };
const getter: TextMapGetter<Metadata> = {
  keys: (metadata) => [...metadata.keys()],
  get: (metadata, name) => metadata.get(name) as string | undefined,
};

/** These statuses are a server's own failures; the others are its answers. */
const SERVER_ERRORS: readonly Code[] = [
  Code.UNKNOWN,
  Code.DEADLINE_EXCEEDED,
  Code.UNIMPLEMENTED,
  Code.INTERNAL,
  Code.UNAVAILABLE,
  Code.DATA_LOSS,
];

/** One interceptor for either side. The API is loaded here, so that only those who trace need it. */
export async function traceCalls(): Promise<Interceptor> {
  const { context, propagation, SpanKind, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const tracer = trace.getTracer("barewire");

  const end = (span: Span, side: "client" | "server", { status, error }: CallEnd): void => {
    span.setAttribute("rpc.grpc.status_code", status.code);
    const failed = side === "client" ? status.code !== Code.OK : SERVER_ERRORS.includes(status.code);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR, message: status.message });
    if (failed && error !== undefined) span.setAttribute("error.type", codeName(status.code));
    span.end();
  };

  return (call, next) => {
    const [, service = "", method = ""] = call.method.path.split("/");
    const isClient = call.side === "client";
    const parent = isClient ? context.active() : propagation.extract(context.active(), call.metadata, getter);
    const attributes = { "rpc.system": "grpc", "rpc.service": service, "rpc.method": method };
    const kind = isClient ? SpanKind.CLIENT : SpanKind.SERVER;
    const span = tracer.startSpan(`${service}/${method}`, { kind, attributes }, parent);
    const inside = trace.setSpan(parent, span);
    if (isClient) propagation.inject(inside, call.metadata, setter);
    call.onEnd((ended) => end(span, call.side, ended));
    // The handler, and the calls it makes, run where next() is called: inside the span.
    return context.with(inside, () => next());
  };
}
