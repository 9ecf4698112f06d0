/** Finding `.proto` files on disk. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { FileFinder } from "../../../src/codec/proto/files.js";
import { loadProto } from "../../../src/codec/proto/load.js";

const dir = mkdtempSync(join(tmpdir(), "barewire-files-"));
after(() => rmSync(dir, { recursive: true }));
mkdirSync(join(dir, "a/deep"), { recursive: true });
mkdirSync(join(dir, "b"));
const write = (path: string, text: string): void => writeFileSync(join(dir, path), `syntax = "proto3"; ${text}`);
write("a/main.proto", 'import "beside.proto"; import "deep/under.proto"; message Main { Beside b = 1; Under u = 2; }');
write("a/beside.proto", "message Beside {}");
write("a/deep/under.proto", "message Under {}");
write("b/user.proto", 'import "a/beside.proto"; message User { Beside b = 1; }');
write("b/lost.proto", 'import "nowhere.proto";');
write("b/twice.proto", 'import "beside.proto"; import "a/beside.proto"; message Twice { Beside b = 1; }');
write("b/broken.proto", "\nmessage {");
write("b/wrong.proto", "\nmessage W { Gone g = 1; }");

const names = (...args: Parameters<typeof loadProto>): string[] => loadProto(...args).files.map((file) => file.name);

test("a path's imports are found beside it", () => {
  const files = loadProto(join(dir, "a/main.proto")).files;
  assert.deepEqual(
    files.map((file) => file.name),
    ["beside.proto", "deep/under.proto", "main.proto"],
  );
  assert.equal(files[1]?.path, join(dir, "a/deep/under.proto"));
});

test("a relative path, a file: URL and a list of paths do the same", () => {
  const path = join(dir, "a/main.proto");
  const expected = names(path);
  assert.deepEqual(names(relative(process.cwd(), path)), expected);
  assert.deepEqual(names(pathToFileURL(path)), expected);
  assert.deepEqual(names([path, pathToFileURL(path)]), expected);
  assert.deepEqual(names([join(dir, "a/beside.proto"), path]), expected);
});

test("includeDirs are searched for imports and for the files asked for, and name both from there", () => {
  assert.deepEqual(names(join(dir, "b/user.proto"), { includeDirs: [dir] }), ["a/beside.proto", "b/user.proto"]);
  assert.deepEqual(names("b/user.proto", { includeDirs: [join(dir, "a"), dir] }), ["a/beside.proto", "b/user.proto"]);
  assert.deepEqual(names({ "text.proto": 'import "a/beside.proto";' }, { includeDirs: [dir] }), [
    "a/beside.proto",
    "text.proto",
  ]);
});

test("one file under two names is loaded once, under the first", () => {
  const files = loadProto("b/twice.proto", { includeDirs: [dir, join(dir, "a")] }).files;
  assert.deepEqual(
    files.map((file) => [file.name, file.imports]),
    [
      ["beside.proto", []],
      ["b/twice.proto", ["beside.proto", "beside.proto"]],
    ],
  );
});

test("a file that does not exist is an error that names the places searched", () => {
  assert.throws(
    () => loadProto("gone.proto", { includeDirs: [dir] }),
    (error: Error) => {
      assert.match(error.message, /^Cannot find gone\.proto: looked for /);
      assert.ok(error.message.includes(join(process.cwd(), "gone.proto")));
      assert.ok(error.message.includes(join(dir, "gone.proto")));
      return true;
    },
  );
  assert.throws(() => loadProto(join(dir, "a")), /Cannot find/, "a directory is no file");
  assert.throws(
    () => loadProto(join(dir, "b/lost.proto")),
    (error: Error) => {
      assert.match(error.message, /^Cannot find "nowhere\.proto", imported by lost\.proto: looked in /);
      assert.ok(error.message.includes(join(dir, "b")));
      assert.match(error.message, /includeDirs/);
      return true;
    },
  );
});

test("errors in a file on disk name its path and line", () => {
  assert.throws(
    () => loadProto(join(dir, "b/broken.proto")),
    (error: Error) => error.message.startsWith(`Cannot load ${join(dir, "b/broken.proto")}:2:9: `),
  );
  assert.throws(
    () => loadProto(join(dir, "b/wrong.proto")),
    (error: Error) =>
      error.message.startsWith(`Cannot load ${join(dir, "b/wrong.proto")}:2:13: field W.g wants "Gone"`),
  );
});

test("FileFinder looks nowhere but in the places given", () => {
  const finder = new FileFinder({ "a.proto": "" }, []);
  const importer = { name: "a.proto", path: undefined, text: "" };
  for (const name of ["../../etc/passwd", "google/../../../package.json", "google/protobuf/../../package.json"]) {
    assert.throws(() => finder.find(name, importer, () => false), /Cannot find/);
  }
  assert.equal(
    finder.find("google/protobuf/any.proto", importer, () => true),
    undefined,
  );
});
