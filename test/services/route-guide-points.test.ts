import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import {
  distanceMetres,
  isInside,
  MAX_LATITUDE,
  MAX_LONGITUDE,
  rectangleBorders,
  requirePoint,
} from "../../src/services/route-guide-points.js";

const EARTH_RADIUS = 6_371_000;
const point = (latitude: number, longitude: number) => ({ latitude, longitude });

function near(actual: number, expected: number, within: number): void {
  assert.ok(Math.abs(actual - expected) <= within, `${actual} is not within ${within} of ${expected}`);
}

describe("distanceMetres", () => {
  test("of a point to itself is 0", () => {
    assert.equal(distanceMetres(point(407838351, -746143763), point(407838351, -746143763)), 0);
  });

  test("of one degree along the equator and along a meridian", () => {
    const degree = (EARTH_RADIUS * Math.PI) / 180;
    near(distanceMetres(point(0, 0), point(0, 10_000_000)), degree, 0.001);
    near(distanceMetres(point(0, 0), point(10_000_000, 0)), degree, 0.001);
  });

  test("of New York to London is about 5,570 km", () => {
    near(distanceMetres(point(407127753, -740059728), point(515073509, -1277583)), 5_570_000, 5_000);
  });

  test("crosses the antimeridian by the short way", () => {
    near(distanceMetres(point(0, 1_799_999_999), point(0, -1_799_999_999)), 0.022, 0.001);
  });

  test("of antipodes is half the circumference, never NaN", () => {
    const half = EARTH_RADIUS * Math.PI;
    near(distanceMetres(point(900_000_000, 0), point(-900_000_000, 0)), half, 1);
    for (let latitude = -90; latitude <= 90; latitude += 0.5) {
      for (let longitude = -180; longitude <= 0; longitude += 7.5) {
        const from = point(Math.round(latitude * 1e7), Math.round(longitude * 1e7));
        const to = point(-from.latitude, from.longitude + 1_800_000_000);
        near(distanceMetres(from, to), half, 1);
      }
    }
  });
});

describe("rectangleBorders", () => {
  const corners = [point(400000000, -750000000), point(420000000, -730000000)] as const;
  const expected = { bottom: 400000000, top: 420000000, left: -750000000, right: -730000000 };

  test("are the same whichever two opposite corners are given", () => {
    const [southWest, northEast] = corners;
    const southEast = point(southWest.latitude, northEast.longitude);
    const northWest = point(northEast.latitude, southWest.longitude);
    for (const [lo, hi] of [
      [southWest, northEast],
      [northEast, southWest],
      [southEast, northWest],
      [northWest, southEast],
    ] as const) {
      assert.deepEqual(rectangleBorders({ lo, hi }), expected);
    }
  });

  test("belong to the inside, on all four sides and corners", () => {
    for (const latitude of [expected.bottom, expected.top]) {
      for (const longitude of [expected.left, expected.right]) {
        assert.ok(isInside(point(latitude, longitude), expected));
        const outward = point(latitude + (latitude === expected.top ? 1 : -1), longitude);
        assert.ok(!isInside(outward, expected));
      }
    }
    assert.ok(!isInside(point(410000000, expected.left - 1), expected));
    assert.ok(!isInside(point(410000000, expected.right + 1), expected));
  });

  test("name the corner that is missing", () => {
    assert.throws(
      () => rectangleBorders({ lo: undefined, hi: corners[1] }),
      (error) =>
        error instanceof StatusError && error.code === Code.INVALID_ARGUMENT && /corner lo/.test(error.message),
    );
    assert.throws(
      () => rectangleBorders({ lo: corners[0], hi: undefined }),
      (error) =>
        error instanceof StatusError && error.code === Code.INVALID_ARGUMENT && /corner hi/.test(error.message),
    );
  });
});

describe("requirePoint", () => {
  test("lets the poles and the antimeridian through", () => {
    for (const latitude of [-MAX_LATITUDE, MAX_LATITUDE]) {
      for (const longitude of [-MAX_LONGITUDE, MAX_LONGITUDE]) {
        assert.deepEqual(requirePoint(point(latitude, longitude), "the point"), point(latitude, longitude));
      }
    }
  });

  test("refuses what is one unit beyond, saying what was wanted and what came", () => {
    for (const [outside, text] of [
      [point(MAX_LATITUDE + 1, 0), /latitude must be within ±900000000 .* current value is 900000001/],
      [point(-MAX_LATITUDE - 1, 0), /current value is -900000001/],
      [point(0, MAX_LONGITUDE + 1), /longitude must be within ±1800000000 .* current value is 1800000001/],
      [point(0, -MAX_LONGITUDE - 1), /current value is -1800000001/],
    ] as const) {
      assert.throws(
        () => requirePoint(outside, "the point"),
        (error) => error instanceof StatusError && error.code === Code.INVALID_ARGUMENT && text.test(error.rawMessage),
      );
    }
  });
});
