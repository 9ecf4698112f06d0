/**
 * The guide and whatever else of `docs/` is made of the code: it is what would be made now, and each chapter has what a chapter has.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { drawFloors, drawRooms, drawStates } from "./guide/drawings.js";
import { filled, GUIDE, linked, madeIn, makeAll, pages, readPage } from "./guide/pages.js";
import { lineOf } from "./guide/source-lines.js";
import { linesIn, steady } from "./guide/steady.js";

const chapters = pages().filter((page) => /^docs\/guide\/\d\d-/.test(page));

describe("What is made of the code", async () => {
  const made = await makeAll();

  for (const page of pages().filter((one) => madeIn(readPage(one)).length > 0)) {
    test(`${page} has it as it is now`, () => {
      const text = readPage(page);
      assert.equal(text, filled(page, text, made), "run npm run guide");
    });
  }

  test("stands somewhere, each piece once", () => {
    const shown = pages().flatMap((page) => madeIn(readPage(page)));
    assert.deepEqual(shown.toSorted(), [...made.keys()].toSorted());
  });
});

describe("The guide", () => {
  test("has ten chapters, and its index names them in their order", () => {
    assert.equal(chapters.length, 10);
    const named = [...readPage(`${GUIDE}README.md`).matchAll(/^\d+\. \[[^\]]+\]\((\d\d-[\w-]+\.md)\)/gm)];
    assert.deepEqual(
      named.map(([, file]) => `${GUIDE}${file}`),
      chapters,
    );
  });

  for (const page of pages().filter((one) => one.startsWith(GUIDE))) {
    test(`${page}: every link to a line of source leads to what it names`, () => {
      const text = readPage(page);
      assert.equal(text, linked(page, text), "run npm run guide");
      const others = [...text.matchAll(/\]\(((?:\.\.\/)+src\/[^)]+\.ts(?:#L\d+)?)\)/g)].map(([, link]) => link);
      const held = [...text.matchAll(/\[`[^`]+`\]\(((?:\.\.\/)+src\/[^)]+\.ts#L\d+)\)/g)].map(([, link]) => link);
      assert.deepEqual(others, held, "links whose text is no name in backquotes");
    });
  }

  for (const page of chapters) {
    test(`${page} has a diagram, a dump, lines of source, and two exercises with answers, and is short`, () => {
      const text = readPage(page);
      assert.match(text, /^```mermaid$/m);
      assert.ok(madeIn(text).length > 0, "a dump");
      assert.ok([...text.matchAll(/\.ts#L\d+\)/g)].length >= 3, "lines of source");
      const [, exercises = ""] = text.split(/^## Exercises$/m);
      assert.equal([...exercises.matchAll(/^<details>$/gm)].length, 2);
      assert.equal([...exercises.matchAll(/^<summary>Answer<\/summary>$/gm)].length, 2);
      const words = text.replaceAll(/^```[^]*?^```$/gm, "").split(/\s+/).length;
      assert.ok(words < 1300, `${words} words are more than ten minutes`);
    });
  }
});

describe("How pages are made", () => {
  test("a block that is made is put in, and a name that nobody makes is an error", () => {
    const page = "a\n\n<!-- made: x -->\n\n```text\nold\n```\n\nb\n";
    assert.equal(filled("p", page, new Map([["x", "new\nlines"]])), page.replace("old", "new\nlines"));
    assert.throws(() => filled("p", page, new Map()), /p: nobody makes x/);
  });

  test("a name leads to the line of its declaration, and must have exactly one", () => {
    const source = "import x;\n\nexport class A {\n  b(): void {}\n  #c = 1;\n}\nasync function d() {}\nconst b = 1;\n";
    assert.equal(lineOf(source, "A"), 3);
    assert.equal(lineOf(source, "A.b"), 4);
    assert.equal(lineOf(source, "A.#c"), 5);
    assert.equal(lineOf(source, "d"), 7);
    assert.equal(lineOf(source, "b"), 8);
    assert.throws(() => lineOf(source, "A.d"), /A\.d is declared 0 times/);
    assert.throws(() => lineOf(`${source}${source}`, "d"), /d is declared 2 times/);
  });

  test("a link to a line is put right", () => {
    const wrong = "[`steady`](../../src/codec/timeout.ts#L1) [`formatTimeout`](../../src/codec/timeout.ts)";
    assert.throws(() => linked("docs/guide/x.md", wrong), /docs\/guide\/x\.md: src\/codec\/timeout\.ts: steady is/);
    assert.match(
      linked("docs/guide/x.md", wrong.slice(42)),
      /^\[`formatTimeout`\]\([./]+src\/codec\/timeout\.ts#L\d+\)$/,
    );
  });

  test("a table of states becomes a drawing", () => {
    assert.equal(
      drawStates({ OPEN: ["CLOSED"], CLOSED: [] }),
      "stateDiagram-v2\n  [*] --> OPEN\n  OPEN --> CLOSED\n  CLOSED --> [*]",
    );
  });

  test("rooms become a drawing, the highest on top", () => {
    assert.equal(
      drawRooms([
        { is: "a", has: [] },
        { is: "b", has: [] },
      ]),
      'flowchart TD\n  r0["b"]\n  r1["a"]\n  r0 --> r1',
    );
  });

  test("floors become a drawing: those that know each other in one house, no arrow beside a longer way", () => {
    const floor = (name: string, imports: string[]) => ({ floor: name, is: "", imports, modules: [] });
    const floors = [
      floor("a/", ["a/"]),
      floor("a/x.ts", ["a/"]),
      floor("b/", ["b/*", "a/"]),
      floor("b/c/", ["b/*", "a/"]),
      floor("d.ts", ["b/", "a/x.ts"]),
    ];
    assert.equal(
      drawFloors(floors),
      [
        "flowchart TD",
        '  f0["a/<br/>x.ts"]',
        '  f1["b/"]',
        '  f2["b/c/"]',
        '  f3["d.ts"]',
        "  f1 --> f0",
        "  f2 --> f1",
        "  f3 --> f2",
      ].join("\n"),
    );
  });
});

describe("What the inspector printed", () => {
  const at = "12:00:00.000 [1]";
  const printed = [
    `${at} client ← server  SETTINGS ACK, 0 bytes`,
    "    the other side's settings are in force",
    `${at} client → server  SETTINGS, 0 bytes`,
    `${at} client → server  RST_STREAM stream 1, 4 bytes, CANCEL`,
    `${at} client ← server  DATA stream 1, 5 bytes`,
    `${at} client ← server  GOAWAY, 8 bytes, NO_ERROR, last stream 1`,
    `${at} stream 1 /a.B/C ended OK after 12.5 ms`,
    "",
  ].join("\n");

  test("is read as lines with what stands below them", () => {
    const [first, , third, , goaway, end] = linesIn(printed);
    assert.deepEqual(first, {
      connection: 1,
      from: "server",
      stream: 0,
      text: "SETTINGS ACK, 0 bytes",
      below: ["    the other side's settings are in force"],
    });
    assert.equal(third?.stream, 1);
    assert.equal(goaway?.stream, 0);
    assert.equal(end?.text, "stream 1 /a.B/C ended OK");
  });

  test("comes out without what is chance: times, who opened first, what came after a reset", () => {
    assert.deepEqual(steady(printed, { keep: () => true, brief: true }).split("\n"), [
      "client → server  SETTINGS, 0 bytes",
      "client ← server  SETTINGS ACK, 0 bytes",
      "client → server  RST_STREAM stream 1, 4 bytes, CANCEL",
      "client ← server  GOAWAY, 8 bytes, NO_ERROR, last stream 1",
      "stream 1 /a.B/C ended OK",
    ]);
  });
});
