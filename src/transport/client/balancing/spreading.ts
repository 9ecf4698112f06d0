/**
 * Policies that spread calls over all endpoints: in turn, in turn by weight, or to those with the fewest calls.
 *
 * Spec: client_channel_specification.md (round_robin); gRFC A48 (least_request), A58 (the stride scheduler).
 * Laws: an endpoint without room is passed over while another has some; a choice costs a few reads and makes nothing.
 */
import { endpointPolicy, type Choose, type ReadyEndpoint } from "./endpoint-policy.js";
import { fieldOf, jsonWholeIn, maybe } from "../settings/field-reader.js";

/** Calls go to each endpoint in turn. */
export const ROUND_ROBIN = endpointPolicy({ name: "round_robin", choose: inTurn });

/** Each endpoint gets as many of the calls as its weight says; without weights that is round_robin. */
export const WEIGHTED_ROUND_ROBIN = endpointPolicy({ name: "weighted_round_robin", choose: byWeight });

/** Each call goes to the one with the fewest calls out of some that chance has picked. */
export const LEAST_REQUEST = endpointPolicy({
  name: "least_request",
  parseConfig: readLeastRequestConfig,
  choose: byCalls,
});

/** What gRFC A48 calls it. */
export const LEAST_REQUEST_EXPERIMENTAL = endpointPolicy({
  name: "least_request_experimental",
  parseConfig: readLeastRequestConfig,
  choose: byCalls,
});

/** "Each new picker starts at a random index", so that many clients do not begin with the same server. */
function inTurn(ready: readonly ReadyEndpoint[], _config: unknown, random: () => number): Choose {
  const { length } = ready;
  let next = Math.floor(random() * length);
  return () => {
    const first = next;
    do {
      const one = ready[next];
      next = next + 1 === length ? 0 : next + 1;
      if (one?.subchannel.hasRoom === true) return one;
    } while (next !== first);
    // None has room: the call waits for one, and the next call for another.
    next = first + 1 === length ? 0 : first + 1;
    return ready[first];
  };
}

/** The largest weight after scaling. */
const MAX_STRIDE = 65_535;

/**
 * The stride scheduler of gRFC A58: in every round an endpoint is used or passed over, by how much of the largest weight it has
 * gathered. Offsets keep those of equal weight apart.
 */
function byWeight(ready: readonly ReadyEndpoint[], _config: unknown, random: () => number): Choose {
  const largest = Math.max(...ready.map(({ endpoint }) => endpoint.weight ?? 1));
  const strides = ready.map(({ endpoint }) => Math.max(1, Math.round(((endpoint.weight ?? 1) / largest) * MAX_STRIDE)));
  const { length } = ready;
  let turn = Math.floor(random() * length);
  let round = 0;
  const isDue = (at: number): boolean => {
    const stride = strides[at] ?? MAX_STRIDE;
    return (stride * round + at * (MAX_STRIDE / 2)) % MAX_STRIDE >= MAX_STRIDE - stride;
  };
  return () => {
    // Whoever has the largest weight is due in every round: one with room is found within two, unless only light ones have any.
    for (let looks = 0; looks < 2 * length; looks++) {
      const at = turn;
      turn = turn + 1 === length ? 0 : turn + 1;
      if (turn === 0) round++;
      if (isDue(at) && ready[at]?.subchannel.hasRoom === true) return ready[at];
    }
    return ready.find(({ subchannel }) => subchannel.hasRoom) ?? ready[turn];
  };
}

/** What least_request can be told. */
export interface LeastRequestConfig {
  /** How many endpoints are compared for each call. Default 2, at most 10. */
  readonly choiceCount: number;
}

const MAX_CHOICES = 10;

function readLeastRequestConfig(json: Readonly<Record<string, unknown>>): LeastRequestConfig {
  const root = { value: json, path: "", of: "the config of least_request" };
  const choiceCount = maybe(fieldOf(root, "choiceCount"), (field) => jsonWholeIn(field, { from: 2 })) ?? 2;
  return { choiceCount: Math.min(choiceCount, MAX_CHOICES) };
}

function byCalls(ready: readonly ReadyEndpoint[], { choiceCount }: LeastRequestConfig, random: () => number): Choose {
  return () => {
    let best: ReadyEndpoint | undefined;
    for (let i = 0; i < choiceCount; i++) {
      const one = ready[Math.floor(random() * ready.length)];
      if (one === undefined || !one.subchannel.hasRoom) continue;
      if (best === undefined || one.subchannel.openCalls < best.subchannel.openCalls) best = one;
    }
    return best ?? ready.find(({ subchannel }) => subchannel.hasRoom) ?? ready[Math.floor(random() * ready.length)];
  };
}
