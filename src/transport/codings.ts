/**
 * The codings of one channel or server: which it takes, and in which it sends.
 *
 * Spec: compression.md; compression_cookbook.md; PROTOCOL-HTTP2.md, "Message-Accept-Encoding".
 * Laws: what is taken is what is advertised; made once, from the options, and never changed.
 */
import { deflate, gzip, listsCoding, type Compressor } from "../codec/compression.js";
import { checkOptions, numbersFrom } from "./options.js";

/** The option `compression` of `Channel` and `Server`. */
export interface CompressionOptions {
  /** The coding in which this side sends, by name. Default: none. Calls and messages may say otherwise. */
  readonly send?: string | undefined;
  /**
   * Shorter messages, in bytes, are sent plain. Default for a server 1024, below which compressing costs more than it saves; for a
   * channel 0, as whoever makes one knows what it is for.
   */
  readonly minBytes?: number | undefined;
  /** What is taken, and may be sent. Default `[gzip, deflate]`. With `[]` messages are plain in both directions. */
  readonly codings?: readonly Compressor[] | undefined;
}

/** In what a call sends, and from which size on. */
export interface SendCoding {
  readonly compressor: Compressor;
  readonly minBytes: number;
}

const IDENTITY = "identity";
const MIN_BYTES = Object.freeze({ Channel: 0, Server: 1024 });
const DEFAULT_CODINGS: readonly Compressor[] = [gzip, deflate];

/** `token` of RFC 9110, wide enough for every name in use. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;

/** What a channel or a server knows of codings. */
export class Codings {
  /** What `grpc-accept-encoding` says. */
  readonly accepted: string;
  /** The default for what is sent; `undefined` for plain. */
  readonly send: SendCoding | undefined;
  readonly #sending = new Map<string, SendCoding>();

  /** @throws TypeError for an option that does not exist or has a wrong value, naming the codings there are. */
  constructor(of: keyof typeof MIN_BYTES, options: CompressionOptions = {}) {
    checkOptions(`${of}'s compression`, options, ["send", "minBytes", "codings"]);
    const { minBytes } = numbersFrom({ minBytes: MIN_BYTES[of] }, options);
    for (const compressor of codingsFrom(options.codings)) this.#sending.set(compressor.name, { compressor, minBytes });
    this.accepted = [IDENTITY, ...this.#sending.keys()].join(",");
    this.send = options.send === undefined ? undefined : this.sendingIn(options.send);
  }

  /** The compressor of that name; `undefined` when there is none, which is so for `identity`. */
  find(name: string): Compressor | undefined {
    return this.#sending.get(name)?.compressor;
  }

  /** How to send in a coding; `undefined` for `identity`. @throws TypeError when there is no such coding. */
  sendingIn(name: string): SendCoding | undefined {
    const sending = this.#sending.get(name);
    if (sending !== undefined || name === IDENTITY) return sending;
    const shown = typeof name === "string" ? JSON.stringify(name) : typeof name;
    throw new TypeError(`Cannot compress in ${shown} as the codings here are ${this.accepted.replaceAll(",", ", ")}`);
  }
}

/** What a channel has learnt of its server: the codings it takes. */
export class PeerCodings {
  #list: string | undefined;

  /** Keeps what a `grpc-accept-encoding` of the server says. */
  learn(list: string): void {
    this.#list = list;
  }

  /** Whether the server takes a coding, as far as is known. */
  take(name: string): boolean {
    return this.#list === undefined || listsCoding(this.#list, name);
  }
}

function codingsFrom(codings: unknown = DEFAULT_CODINGS): readonly Compressor[] {
  if (!Array.isArray(codings)) {
    throw new TypeError(`Cannot use option codings as it must be an array: current value is ${typeof codings}`);
  }
  const names = new Set<string>([IDENTITY]);
  for (const coding of codings as readonly unknown[]) {
    if (!isCompressor(coding)) {
      throw new TypeError(
        "Cannot use option codings as each must have compress, decompress and a name of letters, digits and -._",
      );
    }
    if (names.has(coding.name)) {
      throw new TypeError(`Cannot use option codings as it has two of the name "${coding.name}", "identity" included`);
    }
    names.add(coding.name);
  }
  return codings as readonly Compressor[];
}

function isCompressor(value: unknown): value is Compressor {
  if (typeof value !== "object" || value === null) return false;
  const { name, compress, decompress } = value as Partial<Compressor>;
  return (
    typeof name === "string" && NAME.test(name) && typeof compress === "function" && typeof decompress === "function"
  );
}
