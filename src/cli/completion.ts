/**
 * `barewire completion`: the script that makes a shell complete command lines, by asking `barewire __complete` at every Tab.
 *
 * Laws: a script takes candidates as text and nothing else: what a server calls its services is never expanded or run.
 */
import { quoted } from "../services/peer-text.js";
import { asMistake, mistake } from "./mistakes.js";
import { parseCommand, suggestion } from "./usage-error.js";

export const completionHelp = `usage: barewire completion bash|zsh|fish

Prints a script for the shell. With it, Tab completes commands, flags, and what the server on the line has: services, methods and
messages, by its reflection, which is given one second (or BAREWIRE_COMPLETION_MS milliseconds).

  bash   eval "$(barewire completion bash)"             in ~/.bashrc
  zsh    eval "$(barewire completion zsh)"              in ~/.zshrc, behind compinit
  fish   barewire completion fish | source              in ~/.config/fish/config.fish

  --help               this text`;

/** Bash 3.2 is what macOS has: neither mapfile nor compopt can be counted on. It takes words apart at ":" and "=". */
const BASH = `_barewire_complete() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$line")
  done < <(command barewire __complete bash "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -o default -F _barewire_complete barewire
`;

const ZSH = `#compdef barewire
_barewire_complete() {
  local -a found whole parts
  found=("\${(@f)$(command barewire __complete zsh "\${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} == 0 )); then
    _files
    return
  fi
  parts=("\${(@M)found:#*/}")
  whole=("\${(@)found:#*/}")
  (( \${#parts} )) && compadd -S '' -- "\${parts[@]}"
  (( \${#whole} )) && compadd -- "\${whole[@]}"
}
compdef _barewire_complete barewire
`;

const FISH = `function __barewire_complete
    set -l words (commandline -opc) (commandline -ct)
    command barewire __complete fish $words[2..-1] 2>/dev/null </dev/null
end
complete -c barewire -a '(__barewire_complete)'
`;

const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ["bash", BASH],
  ["zsh", ZSH],
  ["fish", FISH],
]);

/** Runs the command; resolves to the exit code. @throws UsageError */
export function completion(args: readonly string[]): Promise<number> {
  return asMistake(() => {
    const { positionals } = parseCommand(args, {});
    const [shell, ...more] = positionals;
    const names = [...SCRIPTS.keys()];
    if (shell === undefined) throw mistake(`completion wants the name of a shell: ${names.join(", ")}`);
    const script = SCRIPTS.get(shell);
    if (script === undefined) {
      throw mistake(
        `there is no script for ${quoted(shell)}${suggestion(shell, names) || `; there are ${names.join(", ")}`}`,
      );
    }
    if (more.length > 0) throw mistake(`completion takes one shell: ${quoted(more.join(" "))} is too much`);
    process.stdout.write(script);
    return Promise.resolve(0);
  });
}
