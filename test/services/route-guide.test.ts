import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Code, StatusError } from "../../src/core.js";
import { type Point, type PointInit, RouteGuide, type RouteNoteInit } from "../../src/services/gen/route_guide.js";
import { features as bundled } from "../../src/services/route-guide-features.js";
import { routeGuide, type RouteGuideOptions } from "../../src/services/route-guide.js";
import { type Served, served } from "./served.js";

const HERE: PointInit = { latitude: 407838351, longitude: -746143763 };
const OUT_OF_RANGE: readonly PointInit[] = [
  { latitude: 900_000_001, longitude: 0 },
  { latitude: -900_000_001, longitude: 0 },
  { latitude: 0, longitude: 1_800_000_001 },
  { latitude: 0, longitude: -1_800_000_001 },
];

const guided = (use: (served: Served) => Promise<void>, options?: RouteGuideOptions): Promise<void> =>
  served((server) => void server.add(RouteGuide, routeGuide(options)), use);

const failsWith = (code: Code, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StatusError, String(error));
  assert.equal(error.code, code);
  assert.match(error.rawMessage, text);
  return true;
};

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

const pole = (i: number): Point => ({ latitude: i % 2 === 0 ? 900_000_000 : -900_000_000, longitude: 0 });
const note = (longitude: number, message: string) => ({ location: { latitude: 0, longitude }, message });
const said = async (notes: AsyncIterable<{ message: string }>): Promise<string[]> =>
  (await collect(notes)).map(({ message }) => message);

describe("RouteGuide.GetFeature", () => {
  test("gives the feature at the point, else an empty name and the point", () =>
    guided(async ({ channel }) => {
      const guide = channel.client(RouteGuide);
      assert.deepEqual(await guide.getFeature(HERE), { name: "Patriots Path, Mendham, NJ 07945, USA", location: HERE });
      const elsewhere = { latitude: 1, longitude: -1 };
      assert.deepEqual(await guide.getFeature(elsewhere), { name: "", location: elsewhere });
      assert.deepEqual(await guide.getFeature({}), { name: "", location: { latitude: 0, longitude: 0 } });
    }));

  test("refuses a point out of range with INVALID_ARGUMENT", () =>
    guided(async ({ channel, errors }) => {
      const guide = channel.client(RouteGuide);
      for (const point of OUT_OF_RANGE) {
        await assert.rejects(
          guide.getFeature(point),
          failsWith(Code.INVALID_ARGUMENT, /(lat|long)itude must be within/),
        );
      }
      assert.deepEqual(errors, []);
    }));
});

describe("RouteGuide.ListFeatures", () => {
  const lo = { latitude: 400000000, longitude: -750000000 };
  const hi = { latitude: 420000000, longitude: -730000000 };

  test("lists what is inside in file order, whichever two opposite corners are given", () =>
    guided(async ({ channel }) => {
      const guide = channel.client(RouteGuide);
      const expected = bundled.filter(({ location: { latitude = 0, longitude = 0 } = {} }) => {
        const between = latitude >= lo.latitude && latitude <= hi.latitude;
        return between && longitude >= lo.longitude && longitude <= hi.longitude;
      });
      for (const rectangle of [
        { lo, hi },
        { lo: hi, hi: lo },
        {
          lo: { latitude: lo.latitude, longitude: hi.longitude },
          hi: { latitude: hi.latitude, longitude: lo.longitude },
        },
      ]) {
        assert.deepEqual(await collect(guide.listFeatures(rectangle)), expected);
      }
    }));

  test("borders belong to the inside, and a rectangle may be one point", () =>
    guided(async ({ channel }) => {
      const found = await collect(channel.client(RouteGuide).listFeatures({ lo: HERE, hi: HERE }));
      assert.deepEqual(
        found.map(({ location }) => location),
        [HERE],
      );
    }));

  test("an area without features is OK without messages", () =>
    guided(async ({ channel }) => {
      const nowhere = { latitude: 1, longitude: 1 };
      assert.deepEqual(await collect(channel.client(RouteGuide).listFeatures({ lo: nowhere, hi: nowhere })), []);
    }));

  test("refuses a missing corner and one out of range with INVALID_ARGUMENT", () =>
    guided(async ({ channel, errors }) => {
      const guide = channel.client(RouteGuide);
      const list = (rectangle: { lo?: PointInit; hi?: PointInit }) => collect(guide.listFeatures(rectangle));
      await assert.rejects(list({ hi }), failsWith(Code.INVALID_ARGUMENT, /corner lo must be given/));
      await assert.rejects(list({ lo }), failsWith(Code.INVALID_ARGUMENT, /corner hi must be given/));
      await assert.rejects(list({}), failsWith(Code.INVALID_ARGUMENT, /must be given/));
      for (const point of OUT_OF_RANGE) {
        await assert.rejects(list({ lo: point, hi }), failsWith(Code.INVALID_ARGUMENT, /corner lo: l/));
        await assert.rejects(list({ lo, hi: point }), failsWith(Code.INVALID_ARGUMENT, /corner hi: l/));
      }
      assert.deepEqual(errors, []);
    }));
});

describe("RouteGuide.RecordRoute", () => {
  test("no points: all zeros", () =>
    guided(async ({ channel }) => {
      const summary = await channel.client(RouteGuide).recordRoute([]);
      assert.deepEqual(summary, { pointCount: 0, featureCount: 0, distance: 0, elapsedTime: 0 });
    }));

  test("counts points and features, an unnamed one and repeated visits included", () =>
    guided(
      async ({ channel }) => {
        const a = { latitude: 10, longitude: 10 };
        const unnamed = { latitude: 20, longitude: 20 };
        const summary = await channel.client(RouteGuide).recordRoute([a, { latitude: 1, longitude: 1 }, unnamed, a]);
        assert.equal(summary.pointCount, 4);
        assert.equal(summary.featureCount, 3);
      },
      {
        features: [
          { name: "A", location: { latitude: 10, longitude: 10 } },
          { name: "", location: { latitude: 20, longitude: 20 } },
        ],
      },
    ));

  test("truncates the distance once, not leg by leg", () =>
    guided(async ({ channel }) => {
      // Each leg is about 0.9 m: truncated one by one they would add up to nothing.
      const points = Array.from({ length: 1001 }, (_, i) => ({ latitude: i * 81, longitude: 0 }));
      const { distance } = await channel.client(RouteGuide).recordRoute(points);
      assert.equal(distance, Math.trunc((6_371_000 * Math.PI * 81_000) / 1e7 / 180));
    }));

  test("goes to the antipodes and back", () =>
    guided(async ({ channel }) => {
      const from = { latitude: 410000000, longitude: -740000000 };
      const to = { latitude: -410000000, longitude: 1060000000 };
      const { distance } = await channel.client(RouteGuide).recordRoute([from, to, from]);
      assert.ok(Math.abs(distance - 2 * Math.PI * 6_371_000) < 2);
    }));

  test("a distance over 2,147,483,647 m is OUT_OF_RANGE", () =>
    guided(async ({ channel, errors }) => {
      const guide = channel.client(RouteGuide);
      // 107 times half the circumference is the last that fits.
      const longest = await guide.recordRoute(Array.from({ length: 108 }, (_, i) => pole(i)));
      assert.ok(longest.distance > 2_141_000_000);
      const tooLong = guide.recordRoute(Array.from({ length: 109 }, (_, i) => pole(i)));
      await assert.rejects(tooLong, failsWith(Code.OUT_OF_RANGE, /distance of the route is over 2147483647/));
      assert.deepEqual(errors, []);
    }));

  test("elapsed_time is in whole seconds", async () => {
    const times = [1_000, 3_999];
    await guided(
      async ({ channel }) => {
        assert.equal((await channel.client(RouteGuide).recordRoute([HERE])).elapsedTime, 2);
      },
      { now: () => times.shift() ?? 0 },
    );
  });

  test("names the point that is out of range", () =>
    guided(async ({ channel }) => {
      for (const point of OUT_OF_RANGE) {
        const call = channel.client(RouteGuide).recordRoute([HERE, point]);
        await assert.rejects(call, failsWith(Code.INVALID_ARGUMENT, /^point 1: l/));
      }
    }));
});

describe("RouteGuide.RouteChat", () => {
  test("answers each note with all notes of its location, this one included, oldest first", () =>
    guided(async ({ channel }) => {
      const guide = channel.client(RouteGuide);
      const notes = ["1", "2", "3", "4", "5", "6"].map((message, i) => note(i % 3, message));
      assert.deepEqual(await said(guide.routeChat(notes)), ["1", "2", "3", "1", "4", "2", "5", "3", "6"]);
    }));

  test("answers before the next note is sent", () =>
    guided(async ({ channel }) => {
      const chat = channel.client(RouteGuide).routeChat();
      for (const message of ["a", "b", "c"]) {
        await chat.send(note(1, message));
        let last: string | undefined;
        while (last !== message) last = (await chat.receive())?.message;
      }
      chat.closeSend();
      assert.equal(await chat.receive(), undefined);
    }));

  test("is shared by all who talk to the server, and pushes nothing", () =>
    guided(async ({ channel, port }) => {
      const other = new Channel(`127.0.0.1:${port}`);
      try {
        const mine = channel.client(RouteGuide).routeChat();
        await mine.send(note(7, "mine"));
        assert.equal((await mine.receive())?.message, "mine");
        assert.deepEqual(await said(other.client(RouteGuide).routeChat([note(7, "yours")])), ["mine", "yours"]);
        await mine.send(note(8, "elsewhere"));
        assert.equal((await mine.receive())?.message, "elsewhere");
        await mine.send(note(7, "again"));
        mine.closeSend();
        assert.deepEqual(await said(mine), ["mine", "yours", "again"]);
      } finally {
        await other.close();
      }
    }));

  test("a note without a location, or out of range, is INVALID_ARGUMENT; those before it stay", () =>
    guided(async ({ channel, errors }) => {
      const guide = channel.client(RouteGuide);
      const bad: RouteNoteInit[] = [{ message: "x" }, ...OUT_OF_RANGE.map((location) => ({ location, message: "x" }))];
      for (const wrong of bad) {
        const chat = said(guide.routeChat([note(1, "kept"), wrong]));
        await assert.rejects(chat, failsWith(Code.INVALID_ARGUMENT, /^the note's location/));
      }
      const answers = await said(guide.routeChat([note(1, "last")]));
      assert.deepEqual(answers, [...bad.map(() => "kept"), "last"]);
      assert.deepEqual(errors, []);
    }));

  test("a note over 64 KiB is RESOURCE_EXHAUSTED", () =>
    guided(async ({ channel }) => {
      const guide = channel.client(RouteGuide);
      const chat = said(guide.routeChat([note(1, "x".repeat(70_000))]));
      await assert.rejects(chat, failsWith(Code.RESOURCE_EXHAUSTED, /longer than 65536 bytes/));
      assert.deepEqual(await said(guide.routeChat([note(1, "short")])), ["short"]);
    }));
});

describe("routeGuide", () => {
  test("refuses features that are none, with the index", () => {
    assert.throws(() => routeGuide({ features: [{ name: "nowhere" }] }), /options\.features as feature 0 is wrong/);
  });
});
