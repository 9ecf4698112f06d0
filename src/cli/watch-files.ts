/**
 * Watches files for changes, by their folders: editors replace a file by another one, and a file may appear only later.
 *
 * Laws: many changes at once are one; what cannot be watched is left out; nothing that a watcher says ends the process.
 */
import { type FSWatcher, watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";

/** Long enough for an editor's several steps of one save, short enough not to be noticed. */
const SETTLE_MS = 50;

/** Files being watched. */
export interface WatchedFiles {
  /** Watches these, too. */
  look(paths: readonly string[]): void;
  close(): void;
}

/** Calls `changed` after a file that is watched changed; the files it returns are watched from then on as well. */
export function watchFiles(changed: () => readonly string[]): WatchedFiles {
  const names = new Map<string, Set<string>>();
  const watchers: FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;
  const look = (paths: readonly string[]): void => {
    for (const path of paths) {
      const folder = dirname(resolve(path));
      const known = names.get(folder);
      if (known !== undefined) {
        known.add(basename(path));
        continue;
      }
      const files = new Set([basename(path)]);
      names.set(folder, files);
      const watcher = watchFolder(folder, (file) => {
        // Some systems do not say which file it was.
        if (file !== null && !files.has(file)) return;
        clearTimeout(timer);
        timer = setTimeout(() => look(changed()), SETTLE_MS);
      });
      if (watcher !== undefined) watchers.push(watcher);
    }
  };
  return {
    look,
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function watchFolder(folder: string, saw: (file: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, (_event, file) => saw(file));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
