/**
 * What protoc makes of a `.proto` file, and what we make of it: equal after parsing, comments by their place, without spans.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loadProto } from "../../src/index.js";
import { type ParsedFile, parseFile, parseSet } from "../support/parsed-descriptor.js";
import { type Corpus, root } from "./corpus.js";
import { mustRun } from "./program.js";

/** `google/api` comes with protobufjs; of `google/protobuf`, which is beside it, protoc has its own. */
const GOOGLE_API = join(dirname(createRequire(import.meta.url).resolve("protobufjs/package.json")), "google", "api");

/** Compiles one file of a corpus with the protoc of grpcio-tools, and compares. @throws AssertionError where they differ. */
export async function compareWithProtoc(python: string, corpus: Corpus, file: string): Promise<void> {
  const [folder] = corpus.folders;
  const { descriptors } = loadProto(`${root}${folder}/${file}`, { includeDirs: [root + folder] });
  const found = descriptors.find(({ name }) => name === file) ?? assert.fail(`${file} is not described`);
  const ours = parseFile(found.bytes);
  assert.deepEqual(ours, await compile(python, corpus, file));
}

async function compile(python: string, { folders }: Corpus, file: string): Promise<ParsedFile> {
  const folder = mkdtempSync(join(tmpdir(), "barewire-protoc-"));
  try {
    const out = join(folder, "out.binpb");
    cpSync(GOOGLE_API, join(folder, "google", "api"), { recursive: true });
    const includes = [...folders.map((one) => root + one), folder].map((one) => `-I${one}`);
    const args = ["-m", "grpc_tools.protoc", ...includes, "--include_source_info", `--descriptor_set_out=${out}`];
    await mustRun({ command: python, args: [...args, file] });
    return parseSet(readFileSync(out)).get(file) ?? assert.fail(`protoc did not write ${file}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
