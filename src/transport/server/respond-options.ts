/**
 * How a response's header block is handed to `node:http2`.
 *
 * Laws: no `date` header, which would show up as metadata; `waitForTrailers` on every response that goes on, as it also keeps
 * a later RST_STREAM(CANCEL) from being preceded by an END_STREAM.
 */
import type { ServerStreamResponseOptions } from "node:http2";

/** `sendDate` is an option of `respond`, though the type does not know it. */
type RespondOptions = ServerStreamResponseOptions & { readonly sendDate: false };

/** For a block that is the whole response. */
export const ENDING_RESPONSE: RespondOptions = { endStream: true, sendDate: false };

/** For a block that messages and trailers follow. */
export const STREAMED_RESPONSE: RespondOptions = { waitForTrailers: true, sendDate: false };
