/**
 * What gives out places on one server, without a channel around it.
 */
import type { ChannelLimits } from "../../src/transport/client/limits.js";
import type { Placement } from "../../src/transport/client/placement.js";
import { Subchannel } from "../../src/transport/client/subchannel.js";

export interface PlacementAt {
  readonly placement: Placement;
  /** No new calls. */
  close(): Promise<void>;
  /** Drops every connection. */
  destroy(): Promise<void>;
}

/** Places on the server at a port of this machine. */
export function placementAt(port: number, limits: ChannelLimits): PlacementAt {
  const subchannel = new Subchannel({ kind: "tcp", host: "127.0.0.1", port }, limits);
  return {
    placement: subchannel,
    close: () => subchannel.close(),
    destroy: async () => {
      const closed = subchannel.close();
      subchannel.destroy();
      await closed;
    },
  };
}
