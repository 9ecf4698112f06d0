/**
 * Logging: one line for every call, on either side, whichever way it ends.
 *
 *   new Server({ interceptors: [logCalls((line) => console.log(line))] });
 *   new Channel(target, { interceptors: [logCalls((line) => console.log(line))] });
 */
import { codeName, type Interceptor } from "barewire";

/** Everything a peer may have written is quoted, so that no line can be made to look like two. */
export function logCalls(write: (line: string) => void): Interceptor {
  return (call, next) => {
    // onEnd hears of every end, and no message is touched for it.
    call.onEnd(({ status, durationMs, sent, received }) => {
      const message = status.message === "" ? "" : ` ${JSON.stringify(status.message)}`;
      const peer = call.peer?.address ?? "-";
      const counts = `${sent} sent, ${received} received, ${durationMs.toFixed(1)} ms`;
      write(`${call.side} ${call.method.path} ${peer} ${codeName(status.code)}${message} (${counts})`);
    });
    return next();
  };
}
