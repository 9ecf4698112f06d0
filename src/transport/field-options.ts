/**
 * How an HTTP/2 session treats header fields that gRPC takes and Node, unless told otherwise, does not.
 *
 * Spec: PROTOCOL-HTTP2.md, "Custom-Metadata", "ASCII-Value".
 * Laws: client and server sessions get the same; a version that does not know an option does without it.
 */
export const FIELD_OPTIONS = Object.freeze({
  /**
   * Any name may be repeated, but Node refuses a second value of some forty names, `authorization` and `date` among them. Known
   * to Node from 24.15 on; before, what it refuses ends the call INTERNAL.
   */
  strictSingleValueFields: false,
  /**
   * "If it contains leading or trailing whitespace, it may be stripped": metadata does so when it reads a value, but Node drops
   * the whole field. Known to Node from 22.17 and 24.2 on; before, the field is lost.
   */
  strictFieldWhitespaceValidation: false,
});
