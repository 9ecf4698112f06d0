import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { barewire, Command, root } from "./command.js";
import { answering, documented, filesAnswer, notFound, type Running, servicesAnswer, talking } from "./reflecting.js";

let services: Running;
before(async () => {
  services = await documented();
});
after(() => services.stop());

/** One second is for people: a busy machine may need more. */
const PATIENT = { BAREWIRE_COMPLETION_MS: "30000" };

/** What the words could become; the last is being typed. */
function completions(...words: string[]): Promise<string[]> {
  return completionsIn(PATIENT, ...words);
}

async function completionsIn(env: NodeJS.ProcessEnv, ...words: string[]): Promise<string[]> {
  const args = ["--import", "tsx", "src/cli/main.ts", "__complete", "zsh", ...words];
  const { code, stdout, stderr } = await new Command(process.execPath, args, env).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout.split("\n").slice(0, -1);
}

describe("barewire __complete", { concurrency: 4 }, () => {
  test("commands, flags and their values", async () => {
    assert.deepEqual(await completions("ca"), ["call"]);
    assert.deepEqual(await completions("help", "de"), ["demo", "describe"]);
    assert.deepEqual(await completions("call", "--com"), ["--compact", "--compression"]);
    assert.deepEqual(await completions("call", "a:1", "--compression", ""), ["gzip", "deflate", "identity"]);
    assert.deepEqual(await completions("call", "--format=t"), ["--format=text"]);
    assert.deepEqual(await completions("completion", ""), ["bash", "zsh", "fish"]);
    assert.deepEqual(await completions("nothing", ""), []);
  });

  test("services, then the methods of the one that is meant, by reflection", async () => {
    const { address } = services;
    assert.deepEqual(await completions("list", address, "o"), ["order.OrderManagement", "orderer.StreamService"]);
    assert.deepEqual(await completions("call", address, "o"), ["order.OrderManagement/", "orderer.StreamService/"]);
    assert.deepEqual(await completions("call", "-H", "k: v", address, "routeguide.RouteGuide/R"), [
      "routeguide.RouteGuide/RecordRoute",
      "routeguide.RouteGuide/RouteChat",
    ]);
    assert.deepEqual(await completions("describe", address, "routeguide.Po"), ["routeguide.Point"]);
  });

  test("names in files", async () => {
    assert.deepEqual(await completions("list", "--proto", "proto/order.proto", ""), ["order.OrderManagement"]);
  });

  test("nobody there, another machine and a broken schema are no reason to complain", async () => {
    assert.deepEqual(await completions("call", "127.0.0.1:1", ""), []);
    assert.deepEqual(await completions("call", "192.0.2.1:1", ""), []);
    assert.deepEqual(await completions("list", "--proto", "none.proto", ""), []);
  });

  test("a server that never answers is waited for one second", async () => {
    const silent = await talking(async function* (questions) {
      for await (const _ of questions) if (_.case === undefined) yield notFound;
    });
    try {
      assert.deepEqual(await completionsIn({}, "call", silent.address, ""), []);
    } finally {
      await silent.stop();
    }
  });

  test("what is no name is no candidate", async () => {
    const evil = await answering((question) =>
      question.case === "listServices"
        ? servicesAnswer("a.Good", "$(touch owned)", "a\u001b[2J", "x\ny")
        : filesAnswer(),
    );
    try {
      assert.deepEqual(await completions("list", evil.address, ""), ["a.Good"]);
    } finally {
      await evil.stop();
    }
  });
});

describe("barewire completion", () => {
  test("prints a script for each shell", async () => {
    for (const [shell, expected] of [
      ["bash", /complete -o default -F _barewire_complete barewire\n$/],
      ["zsh", /compdef _barewire_complete barewire\n$/],
      ["fish", /complete -c barewire -a '\(__barewire_complete\)'\n$/],
    ] as const) {
      const { code, stdout, stderr } = await barewire("completion", shell).ended;
      assert.match(stdout, expected);
      assert.deepEqual([code, stderr], [0, ""]);
    }
  });

  const hasBash = spawnSync("bash", ["--version"]).status === 0;

  test("the script completes in bash, where colons and equals signs end words", { skip: !hasBash }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "barewire-completion-"));
    try {
      const command = join(folder, "barewire");
      const main = `${root}src/cli/main.ts`;
      writeFileSync(command, `#!/bin/sh\ncd '${root}' && exec '${process.execPath}' --import tsx '${main}' "$@"\n`);
      chmodSync(command, 0o755);
      const lines = [
        "barewire li",
        "barewire call --format=t",
        "barewire call localhost:5",
        `barewire call ${services.address} -d '{"a": "b c"}' routeguide.RouteGuide/Get`,
        `barewire call ${services.address} 'routeguide.RouteGuide/Get`,
      ];
      const script = join(folder, "try.sh");
      writeFileSync(
        script,
        `eval "$(barewire completion bash)"
while IFS= read -r line; do
  COMP_LINE=$line COMP_POINT=\${#line}
  _barewire_complete
  printf '[%s]\\n' "\${COMPREPLY[*]}"
done <<'LINES'
${lines.join("\n")}
LINES
`,
      );
      const path = `${folder}${delimiter}${process.env["PATH"] ?? ""}`;
      const { code, stdout } = await new Command("bash", [script], { ...PATIENT, PATH: path }).ended;
      assert.equal(code, 0);
      assert.deepEqual(stdout.split("\n"), [
        "[list]",
        "[text]",
        "[50051]",
        "[routeguide.RouteGuide/GetFeature]",
        "[routeguide.RouteGuide/GetFeature]",
        "",
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
