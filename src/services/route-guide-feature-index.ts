/**
 * The features a route guide knows: found by point, or listed in file order.
 *
 * Laws: finding by point is one hash lookup; of two features at one point only the first counts, everywhere.
 */
import type { Feature, Point } from "./gen/route_guide.js";
import { type Borders, isInside, pointKey } from "./route-guide-points.js";

/** Features by their point. Each must have its location. */
export class FeatureIndex {
  readonly #byPoint = new Map<string, Feature>();

  constructor(features: Iterable<Feature>) {
    for (const feature of features) {
      if (feature.location === undefined) continue;
      const key = pointKey(feature.location);
      if (!this.#byPoint.has(key)) this.#byPoint.set(key, feature);
    }
  }

  /** How many features there are. */
  get size(): number {
    return this.#byPoint.size;
  }

  /** The feature at exactly this point. */
  at(point: Point): Feature | undefined {
    return this.#byPoint.get(pointKey(point));
  }

  /** Whether a feature is at exactly this point, named or not. */
  has(point: Point): boolean {
    return this.#byPoint.has(pointKey(point));
  }

  /** The features inside the borders, in file order. */
  *inside(borders: Borders): Generator<Feature> {
    for (const feature of this.#byPoint.values()) {
      if (feature.location !== undefined && isInside(feature.location, borders)) yield feature;
    }
  }
}
