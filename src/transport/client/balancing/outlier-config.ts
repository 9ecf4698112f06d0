/**
 * The config of outlier detection: when an endpoint fails so much more than others that it gets no calls for a while.
 *
 * Spec: gRFC A50; service_config.proto (OutlierDetectionLoadBalancingConfig).
 */
import { fieldOf, jsonDurationMsIn, jsonNumberIn, jsonWholeIn, maybe, type Field } from "../settings/field-reader.js";

/** Takes out those whose rate of successes is far below that of the others. */
export interface SuccessRateEjection {
  /** How many thousandths of a standard deviation below the mean is too low. Default 1900. */
  readonly stdevFactor: number;
  /** How often one that is too low is in fact taken out, in per cent. Default 100. */
  readonly enforcementPercentage: number;
  /** How many endpoints must have so many calls. Default 5. */
  readonly minimumHosts: number;
  /** How many calls one must have had in the interval to count. Default 100. */
  readonly requestVolume: number;
}

/** Takes out those of whose calls too many fail. */
export interface FailurePercentageEjection {
  /** How many calls may fail, in per cent. Default 85. */
  readonly threshold: number;
  readonly enforcementPercentage: number;
  readonly minimumHosts: number;
  /** Default 50. */
  readonly requestVolume: number;
}

/** How and when endpoints are judged. */
export interface OutlierDetection {
  /** How often, in milliseconds. Default 10,000. */
  readonly intervalMs: number;
  /** How long the first ejection lasts, in milliseconds; each further one that much longer. Default 30,000. */
  readonly baseEjectionMs: number;
  /** How long one lasts at most, in milliseconds. Default 300,000. */
  readonly maxEjectionMs: number;
  /** How many endpoints may be out at the same time, in per cent. One always may. Default 10. */
  readonly maxEjectionPercent: number;
  readonly successRate: SuccessRateEjection | undefined;
  readonly failurePercentage: FailurePercentageEjection | undefined;
}

/** Reads it from JSON. @throws TypeError that names what is wrong by its path. */
export function readOutlierDetection(root: Field): OutlierDetection {
  return {
    intervalMs: durationMs(root, "interval", 10_000),
    baseEjectionMs: durationMs(root, "baseEjectionTime", 30_000),
    maxEjectionMs: durationMs(root, "maxEjectionTime", 300_000),
    maxEjectionPercent: percentage(root, "maxEjectionPercent", 10),
    successRate: maybe(fieldOf(root, "successRateEjection"), (field) => ({
      stdevFactor: maybe(fieldOf(field, "stdevFactor"), (factor) => jsonNumberIn(factor, { from: 0 })) ?? 1900,
      ...readVolumes(field, 100),
    })),
    failurePercentage: maybe(fieldOf(root, "failurePercentageEjection"), (field) => ({
      threshold: percentage(field, "threshold", 85),
      ...readVolumes(field, 50),
    })),
  };
}

function readVolumes(field: Field, volume: number): Omit<FailurePercentageEjection, "threshold"> {
  return {
    enforcementPercentage: percentage(field, "enforcementPercentage", 100),
    minimumHosts: maybe(fieldOf(field, "minimumHosts"), jsonWholeIn) ?? 5,
    requestVolume: maybe(fieldOf(field, "requestVolume"), jsonWholeIn) ?? volume,
  };
}

function durationMs(parent: Field, name: string, otherwise: number): number {
  return maybe(fieldOf(parent, name), (field) => jsonDurationMsIn(field, 0)) ?? otherwise;
}

function percentage(parent: Field, name: string, otherwise: number): number {
  return maybe(fieldOf(parent, name), (field) => jsonWholeIn(field, { to: 100 })) ?? otherwise;
}
