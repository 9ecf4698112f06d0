/**
 * What a gRPC library may be asked for, and the rules that belong to it: what `docs/features.md` is made of.
 *
 * Laws: every rule of the ledger belongs to a feature; what is proven of a feature is not said here, but found out.
 */

/** One row of the matrix. */
export interface Feature {
  readonly feature: string;
  /** Numbers and ranges of rules, such as `[[95, 107], 23]`. None where no document rules the matter. */
  readonly rules: readonly (number | readonly [from: number, to: number])[];
  /** Where the source of it begins, below `src/`. None: the files that its tests mirror, if there are any. */
  readonly sources: readonly string[];
  /** What rules it, where the ledger has no line that says so. */
  readonly spec?: string;
  /** Its tests, below `test/`, where no rule leads to them; those that mirror `sources` are found. */
  readonly tests?: readonly string[];
}

export interface Subject {
  readonly subject: string;
  readonly features: readonly Feature[];
}

export const SUBJECTS: readonly Subject[] = [
  {
    subject: "Calls",
    features: [
      {
        feature: "Unary, server streaming, client streaming, bidirectional",
        rules: [
          [79, 82],
          [146, 149],
        ],
        sources: ["transport/client/client.ts", "transport/server/handler.ts"],
      },
      {
        feature: "Requests: the client",
        rules: [[1, 16]],
        sources: ["codec/header-block.ts", "transport/client/attempts/attempt.ts"],
      },
      {
        feature: "Requests: the server",
        rules: [[17, 30]],
        sources: ["transport/server/session.ts", "transport/server/dispatch.ts"],
      },
      { feature: "Metadata, text and binary", rules: [[31, 45], 325], sources: ["codec/metadata.ts"] },
      {
        feature: "Messages and their framing",
        rules: [[47, 58]],
        sources: ["codec/length-prefix.ts", "transport/message-stream.ts", "transport/message-sink.ts"],
      },
      {
        feature: "Responses, trailers, Trailers-Only",
        rules: [[59, 78]],
        sources: ["transport/client/attempts/response-block.ts", "transport/server/server-call.ts"],
      },
      { feature: "Status codes and who gives them", rules: [[136, 142]], sources: ["codec/status.ts"] },
      { feature: "Error details (`google.rpc.Status`)", rules: [46], sources: [] },
      {
        feature: "Answers that are not gRPC",
        rules: [[83, 86]],
        sources: ["transport/client/attempts/response-block.ts"],
      },
      { feature: "Deadlines", rules: [[95, 107]], sources: ["codec/timeout.ts", "transport/deadline.ts"] },
      {
        feature: "Cancellation and resets",
        rules: [
          [87, 94],
          [108, 115],
        ],
        sources: ["transport/client/outcome.ts", "transport/client/attempts/stream-error.ts"],
      },
      {
        feature: "Compression: gzip, deflate, codings of your own",
        rules: [[116, 129]],
        sources: ["codec/compression.ts", "transport/codings.ts", "transport/compressing-queue.ts"],
      },
      { feature: "Limits of messages", rules: [[130, 135]], sources: ["transport/message-opener.ts"] },
      {
        feature: "Backpressure and flow control",
        rules: [[143, 145], 150, 151],
        sources: ["transport/message-sink.ts", "transport/message-stream.ts"],
      },
      {
        feature: "Interceptors on both sides",
        rules: [281, 321, 322],
        sources: [
          "transport/intercept.ts",
          "transport/client/intercepted-call.ts",
          "transport/server/intercepted-handler.ts",
        ],
      },
      {
        feature: "Events on `node:diagnostics_channel`",
        rules: [],
        sources: ["transport/diagnostics.ts"],
        spec: "Node.js, diagnostics_channel",
        tests: ["rpc/diagnostics.test.ts"],
      },
      {
        feature: "Every byte of a server or a channel shown, inside of TLS: option `tap`, `barewire/inspect`",
        rules: [],
        sources: ["transport/tap.ts", "transport/tapped-socket.ts", "transport/inspect/inspector.ts"],
        spec: "our own",
        tests: ["rpc/taps.test.ts", "transport/inspect/inspector.test.ts"],
      },
    ],
  },
  {
    subject: "Servers",
    features: [
      {
        feature: "Several addresses, each given up by itself; unix sockets",
        rules: [173, 174],
        sources: ["transport/server/listener.ts", "transport/address.ts"],
      },
      { feature: "Connections that were accepted elsewhere", rules: [175], sources: ["transport/server/listener.ts"] },
      {
        feature: "Limits of a connection",
        rules: [28, 176, 177],
        sources: ["transport/server/limits.ts", "transport/server/preface.ts"],
      },
      { feature: "Graceful and forced shutdown", rules: [[170, 172]], sources: ["transport/server/listener.ts"] },
      {
        feature: "Idle time and age of connections",
        rules: [[166, 169]],
        sources: ["transport/server/session-age.ts"],
      },
      {
        feature: "Keepalive, and clients that ping too often",
        rules: [183, [187, 191]],
        sources: ["transport/keepalive.ts", "transport/server/ping-strikes.ts"],
      },
      { feature: "Health service", rules: [[301, 309]], sources: [], spec: "health-checking.md" },
      { feature: "Reflection", rules: [[310, 320]], sources: [], spec: "server-reflection.md" },
      { feature: "Channelz", rules: [323], sources: [] },
      { feature: "gRPC-Web", rules: [[326, 339]], sources: [], spec: "PROTOCOL-WEB.md" },
      { feature: "HTTP/3", rules: [324], sources: [] },
    ],
  },
  {
    subject: "Channels",
    features: [
      {
        feature: "Backoff between attempts to connect",
        rules: [[192, 198]],
        sources: ["transport/client/connecting/backoff.ts"],
        spec: "connection-backoff.md",
      },
      {
        feature: "Connecting when there is a call; connectivity states",
        rules: [[199, 208]],
        sources: [
          "transport/client/connectivity.ts",
          "transport/client/connecting/subchannel.ts",
          "transport/client/connecting/connect.ts",
          "transport/client/idle-watch.ts",
        ],
      },
      {
        feature: "GOAWAY and lost connections",
        rules: [
          [152, 156],
          [158, 164],
        ],
        sources: ["transport/client/connecting/connection.ts"],
      },
      {
        feature: "Trying again what the server did not take",
        rules: [259, 260, 265, 266],
        sources: ["transport/client/attempts/unseen-attempts.ts", "transport/client/attempts/retry-buffer.ts"],
      },
      {
        feature: "Retries by policy",
        rules: [
          [254, 258],
          [261, 264],
          [267, 270],
        ],
        sources: [
          "transport/client/attempts/retries.ts",
          "transport/client/attempts/retry-schedule.ts",
          "transport/client/attempts/retry-throttle.ts",
        ],
        spec: "gRFC A6",
      },
      { feature: "Hedging", rules: [[271, 279]], sources: ["transport/client/attempts/hedges.ts"] },
      { feature: "Wait-for-ready", rules: [[209, 214]], sources: ["transport/client/balancing/pick-queue.ts"] },
      {
        feature: "Name resolution",
        rules: [[215, 227]],
        sources: [
          "transport/client/naming/target.ts",
          "transport/client/naming/target-resolver.ts",
          "transport/client/naming/dns-resolver.ts",
          "transport/client/naming/resolver-run.ts",
        ],
      },
      {
        feature:
          "Load balancing: pick_first, round_robin, weighted_round_robin, least_request, and policies of one's own",
        rules: [[228, 242]],
        sources: [
          "transport/client/balancing/pick-first.ts",
          "transport/client/balancing/endpoint-policy.ts",
          "transport/client/balancing/spreading.ts",
          "transport/client/balancing/policy-switch.ts",
        ],
        spec: "load-balancing.md",
      },
      {
        feature: "More than one connection to an address",
        rules: [165],
        sources: ["transport/client/connecting/subchannel.ts"],
      },
      {
        feature: "Service config, and the same as options",
        rules: [105, 133, [243, 253], [280, 282]],
        sources: ["transport/client/settings/service-config.ts", "transport/client/settings/method-table.ts"],
        spec: "service_config.md",
      },
      {
        feature: "Health checks by the client",
        rules: [[283, 288]],
        sources: ["transport/client/client-health.ts"],
        spec: "gRFC A17",
      },
      { feature: "Keepalive", rules: [157, [178, 182], [184, 186]], sources: [] },
      {
        feature: "HTTP CONNECT proxies",
        rules: [300],
        sources: ["transport/client/naming/proxy.ts", "transport/client/connecting/proxy-connect.ts"],
      },
    ],
  },
  {
    subject: "Security",
    features: [
      {
        feature: "TLS, always verified",
        rules: [[291, 293], 296],
        sources: ["transport/tls.ts", "transport/client/connecting/channel-tls.ts", "transport/server/server-tls.ts"],
      },
      {
        feature: "Authority, of a channel and of a call",
        rules: [23, 289, 290],
        sources: ["transport/client/connecting/authority.ts"],
      },
      { feature: "Client certificates", rules: [294], sources: ["transport/server/server-tls.ts"] },
      {
        feature: "Certificates replaced while connections go on",
        rules: [295],
        sources: ["transport/server/server-tls.ts"],
      },
      { feature: "Call credentials", rules: [[297, 299]], sources: [] },
    ],
  },
  {
    subject: "Around them",
    features: [
      {
        feature: "Services from `.proto` files at run time",
        rules: [],
        sources: ["codec/proto/load.ts", "codec/proto/files.ts"],
        spec: "the protobuf language",
      },
      {
        feature: "One message model: `bigint`, presence, oneofs, unknown fields",
        rules: [],
        sources: ["codec/proto/message.ts"],
        spec: "protobuf encoding",
      },
      {
        feature: "Typed clients and handlers",
        rules: [],
        sources: ["transport/client/calls.ts", "transport/server/handler.ts"],
        spec: "our own",
        tests: ["types/clients.ts", "types/handlers.ts"],
      },
      {
        feature: "The `barewire` command: `serve`, `demo`",
        rules: [],
        sources: ["cli/main.ts"],
        spec: "our own",
        tests: ["cli/serve.test.ts", "cli/demo.test.ts", "cli/usage.test.ts"],
      },
      {
        feature: "Servers from `.proto` files and handlers alone: `barewire serve --proto`",
        rules: [],
        sources: ["cli/custom-services.ts", "cli/handlers-module.ts"],
        spec: "our own",
        tests: ["cli/serve-custom.test.ts"],
      },
      {
        feature: "Every byte of other programs' calls shown: `barewire trace`",
        rules: [],
        sources: ["cli/trace.ts", "transport/inspect/live-view.ts", "transport/inspect/proxy.ts"],
        spec: "our own",
        tests: ["cli/trace.test.ts", "transport/inspect/live-view.test.ts", "transport/inspect/proxy.test.ts"],
      },
      {
        feature:
          "… call by call, with who waited for whom (`--by-call`), and of some calls alone (`--method`, `--status` …)",
        rules: [],
        sources: ["transport/inspect/call-view.ts", "transport/inspect/call-filter.ts"],
        spec: "our own",
        tests: ["transport/inspect/call-view.test.ts", "transport/inspect/call-filter.test.ts"],
      },
      {
        feature: "… as documented JSON (`--json`), and as a capture for Wireshark (`--pcap`)",
        rules: [],
        sources: ["transport/inspect/json-view.ts", "transport/inspect/pcap-file.ts"],
        spec: "RFC 8259, RFC 9293",
        tests: ["transport/inspect/json-view.test.ts", "transport/inspect/pcap-file.test.ts"],
      },
      {
        feature: "… inside TLS, ended and begun anew (`--tls`)",
        rules: [],
        sources: ["transport/inspect/proxy-tls.ts"],
        spec: "RFC 9113 §9.2",
        tests: ["transport/inspect/proxy-tls.test.ts"],
      },
      {
        feature: "Calls recorded and served again: `barewire trace --record`, `barewire replay`",
        rules: [],
        sources: [
          "transport/inspect/recording/recorder.ts",
          "transport/inspect/recording/recording.ts",
          "cli/recorded-services.ts",
        ],
        spec: "our own",
        tests: ["cli/replay.test.ts"],
      },
      {
        feature: "Faults on purpose between any client and any server: `barewire trace --fault`",
        rules: [],
        sources: ["transport/inspect/faults/fault.ts", "transport/inspect/faults/faulty-connection.ts"],
        spec: "our own",
        tests: [
          "transport/inspect/faulty-proxy.test.ts",
          "transport/inspect/faults/fault-text.test.ts",
          "testing.test.ts",
        ],
      },
      {
        feature: "Node 20, 22, 24 and 26",
        rules: [],
        sources: ["transport/field-options.ts"],
        spec: "our own",
        tests: ["nodes.ts"],
      },
    ],
  },
];
