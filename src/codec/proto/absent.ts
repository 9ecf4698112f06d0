/**
 * What stands in a decoded message for what is not there: one shared frozen value of each kind, and the key under which
 * fields are kept that the schema does not know.
 *
 * Spec: protobuf.dev, "Field Presence", "Unknown Fields".
 * Laws: a shared value can never be changed by one message's owner for another's.
 */

/**
 * The key of a message's unknown fields: a list of raw wire-format bytes, tags included. It is an own property only where
 * there are some; spread keeps it and encoding writes it back.
 */
export const unknownFields: unique symbol = Symbol.for("barewire.unknownFields") as never;

/** An absent repeated field. */
export const EMPTY_LIST: readonly never[] = Object.freeze([]);

/** An absent bytes field: it has no byte that could be changed. */
export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** The same, for modules that were generated with `--bytes buffer`. */
export const EMPTY_BUFFER: Buffer = Buffer.alloc(0);

/** An absent map field. It is an ordinary Map for everything that compares or prints, but refuses to be changed. */
export const EMPTY_MAP: ReadonlyMap<never, never> = frozenMap();

/** An oneof of which no field is set. */
export const NO_CASE: { readonly case: undefined } = Object.freeze({ case: undefined });

function frozenMap(): Map<never, never> {
  const refuse = {
    value: (): never => {
      throw new TypeError("Cannot change an absent map field as all messages share it: assign a new Map instead");
    },
  };
  return Object.freeze(
    Object.defineProperties(new Map<never, never>(), { set: refuse, delete: refuse, clear: refuse }),
  );
}
