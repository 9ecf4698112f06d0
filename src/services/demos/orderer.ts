/**
 * A client of StreamService: sends one request, half-closes, and prints the responses that come back.
 *
 * Laws: the call has a timeout; at most 21 responses are asked for, so that an endless server cannot keep it.
 */
import type { Channel } from "../../core.js";
import { StreamService } from "../gen/orderer.js";
import { quoted } from "../peer-text.js";

export interface OrdererDemoOptions {
  /** The timeout of the call; default 10 s. */
  readonly timeoutMs?: number | undefined;
}

const MAX_RESPONSES = 21;

/** Plays the client against whatever listens at the channel's target. @throws StatusError when the call fails. */
export async function ordererDemo(
  channel: Channel,
  print: (line: string) => void,
  options: OrdererDemoOptions = {},
): Promise<void> {
  const call = channel.client(StreamService).route({ timeoutMs: options.timeoutMs ?? 10_000 });
  await call.send({ pt: { key: "hello", value: "world" } });
  call.closeSend();
  for (let received = 0; received < MAX_RESPONSES; received++) {
    const response = await call.receive();
    if (response === undefined) return;
    print(`response ${received + 1}: key ${quoted(response.pt?.key ?? "")}, value ${quoted(response.pt?.value ?? "")}`);
  }
  call.cancel();
}
