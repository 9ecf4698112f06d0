/**
 * `routeguide.RouteGuide`: what is where, how long a route is, and the notes travellers leave for each other.
 *
 * Source: proto/route_guide.proto.
 * Laws: a point out of range is INVALID_ARGUMENT in every method; a call keeps nothing but its sums, the notes are bounded.
 */
import { Code, type Implementation, StatusError } from "../core.js";
import type { FeatureInit, Point, RouteGuide, RouteSummaryInit } from "./gen/route_guide.js";
import { checkFeatures } from "./route-guide-feature-file.js";
import { FeatureIndex } from "./route-guide-feature-index.js";
import { features as bundledFeatures } from "./route-guide-features.js";
import { type NoteLimits, NoteStore } from "./route-guide-notes.js";
import { distanceMetres, rectangleBorders, requirePoint } from "./route-guide-points.js";

/** The largest value of the summary's fields. */
const MAX_INT32 = 2_147_483_647;

export interface RouteGuideOptions {
  /** The places known; default the bundled ones. Of two at one location the first counts. */
  readonly features?: readonly FeatureInit[] | undefined;
  /** How much of the chats is kept; see the limits for the defaults. */
  readonly notes?: NoteLimits | undefined;
  /** A clock that never goes back, in milliseconds; default `performance.now`. Measures a route's elapsed time. */
  readonly now?: (() => number) | undefined;
}

/**
 * An implementation of RouteGuide, with its own notes: `server.add(RouteGuide, routeGuide())`.
 *
 * @throws Error when a feature is not one, RangeError when a limit is not one.
 */
export function routeGuide(options: RouteGuideOptions = {}): Implementation<RouteGuide> {
  const features = new FeatureIndex(checkFeatures(options.features ?? bundledFeatures, "options.features"));
  const notes = new NoteStore(options.notes);
  const now = options.now ?? (() => performance.now());

  return {
    getFeature(point) {
      requirePoint(point, "the point");
      return features.at(point) ?? { name: "", location: point };
    },

    listFeatures(rectangle) {
      return features.inside(rectangleBorders(rectangle));
    },

    recordRoute: (points) => recordRoute(points, features, now),

    async *routeChat(received) {
      for await (const note of received) yield* notes.add(note);
    },
  };
}

async function recordRoute(
  points: AsyncIterable<Point>,
  features: FeatureIndex,
  now: () => number,
): Promise<RouteSummaryInit> {
  const startedMs = now();
  let pointCount = 0;
  let featureCount = 0;
  let distance = 0;
  let previous: Point | undefined;
  for await (const point of points) {
    requirePoint(point, `point ${pointCount}`);
    pointCount = withinInt32(pointCount + 1, "the number of points");
    if (features.has(point)) featureCount++;
    if (previous !== undefined) distance = withinInt32(distance + distanceMetres(previous, point), "the distance");
    previous = point;
  }
  const elapsedTime = withinInt32((now() - startedMs) / 1000, "the elapsed time");
  // The distance is truncated here, once: leg by leg, up to a metre of each would be lost.
  return { pointCount, featureCount, distance: Math.trunc(distance), elapsedTime: Math.trunc(elapsedTime) };
}

/** @throws StatusError OUT_OF_RANGE at once, as none of the sums ever gets smaller. */
function withinInt32(value: number, what: string): number {
  if (value < MAX_INT32 + 1) return value;
  throw new StatusError(Code.OUT_OF_RANGE, `${what} of the route is over ${MAX_INT32}, the most a summary can say`);
}
