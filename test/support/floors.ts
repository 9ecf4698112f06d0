/** The floors of the source: which folder may import what. test/floors.test.ts holds the source to it, and docs/reading-guide.md draws it. */

/** A folder or a file, and what it may know. */
export interface Floor {
  /** A folder, or a file that is a floor of its own. */
  readonly floor: string;
  readonly is: string;
  /** The floors it may import from: a folder with all in it, a folder's own files (`/*`), or a file. */
  readonly imports: readonly string[];
  /** The modules from outside the source it may import; `node:` for all of Node's own. */
  readonly modules: readonly string[];
}

/** From the ground up. A file stands on the floor with the longest name that is a prefix of its path. */
export const FLOORS: readonly Floor[] = [
  {
    floor: "src/codec/",
    is: "bytes <-> values, without sockets, timers, clock, randomness or process",
    imports: ["src/codec/"],
    modules: [],
  },
  {
    floor: "src/codec/compression.ts",
    is: "the only file that knows zlib",
    imports: ["src/codec/"],
    modules: ["node:zlib"],
  },
  {
    floor: "src/codec/proto/",
    is: "protobuf: the only place that knows protobufjs, and of it nothing but reader and writer",
    imports: ["src/codec/"],
    modules: ["protobufjs/minimal.js"],
  },
  {
    floor: "src/codec/proto/files.ts",
    is: "the only file of the codec that reads the disk",
    imports: ["src/codec/"],
    modules: ["node:fs", "node:module", "node:path", "node:url"],
  },
  {
    floor: "src/transport/",
    is: "one RPC on one HTTP/2 stream: what client and server have in common, so it knows neither",
    imports: ["src/transport/*", "src/codec/"],
    modules: ["node:"],
  },
  // Three rooms side by side, no doors between them.
  {
    floor: "src/transport/client/",
    is: "channels and calls",
    imports: ["src/transport/client/", "src/transport/*", "src/codec/"],
    modules: ["node:"],
  },
  {
    floor: "src/transport/server/",
    is: "servers and handlers",
    imports: ["src/transport/server/", "src/transport/*", "src/codec/"],
    modules: ["node:"],
  },
  {
    floor: "src/transport/inspect/",
    is: "what is on the wire, shown",
    imports: ["src/transport/inspect/", "src/transport/*", "src/codec/"],
    modules: ["node:"],
  },
  {
    floor: "src/core.ts",
    is: "the API without batteries",
    imports: ["src/transport/", "src/codec/"],
    modules: [],
  },
  {
    floor: "src/services/",
    is: "services written with the public API alone: one that needs more shows what the API lacks",
    imports: ["src/core.ts", "src/services/"],
    modules: [],
  },
  {
    floor: "src/index.ts",
    is: "the public barrel: core and the batteries",
    imports: ["src/core.ts", "src/services/"],
    modules: [],
  },
  {
    floor: "src/inspect.ts",
    is: "for looking: what is on the wire of a server or a channel",
    imports: ["src/transport/inspect/", "src/transport/tap.ts"],
    modules: [],
  },
  {
    floor: "src/testing.ts",
    is: "for users' tests: both sides in one process, and faults between them",
    imports: ["src/index.ts", "src/core.ts", "src/transport/duplex-pair.ts", "src/transport/inspect/faults/"],
    modules: ["node:"],
  },
  {
    floor: "src/cli/",
    is: "the command, a user of the library like any other",
    imports: [
      "src/cli/",
      "src/index.ts",
      "src/services/",
      "src/transport/inspect/",
      "src/codec/proto/typescript.ts",
      "src/codec/nearest-name.ts",
    ],
    modules: ["node:"],
  },
];

/** A part of the client. */
export interface Room {
  readonly is: string;
  /** Folders and files below `src/transport/client/`; the empty one is everything that no other room has. */
  readonly has: readonly string[];
}

/**
 * The rooms of the client, from the ground up: each knows those before it and none behind it. A file stands in the room that has the
 * longest prefix of its path.
 */
export const CLIENT_ROOMS: readonly Room[] = [
  { is: "settings: what all calls of a method are told", has: ["settings/"] },
  { is: "what every room above shares: time, states, limits", has: ["clock.ts", "connectivity.ts", "limits.ts"] },
  { is: "connecting: an address, and the sessions to it", has: ["connecting/"] },
  { is: "naming: from a target to addresses, and the way there", has: ["naming/"] },
  { is: "balancing: which server gets the next call", has: ["balancing/"] },
  {
    is: "attempts: how one call is sent, once or more often, and what came of it",
    has: ["attempts/", "call-credentials.ts", "call-site.ts", "explain.ts"],
  },
  {
    is: "calls and channels, as an application sees them",
    has: ["", "attempts/network-reply.ts", "attempts/send-requests.ts"],
  },
];
