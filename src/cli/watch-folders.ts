/**
 * Watches folders for changes of files: editors replace a file by another one, and what an import means may appear only later.
 *
 * Laws: many changes at once are one; what cannot be watched is left out; nothing that a watcher says ends the process.
 */
import { type FSWatcher, watch } from "node:fs";
import { join, resolve } from "node:path";

/** Long enough for an editor's several steps of one save, short enough not to be noticed. */
const SETTLE_MS = 50;

/** Folders being watched. */
export interface WatchedFolders {
  /** Watches these, too. */
  add(folders: readonly string[]): void;
  close(): void;
}

/**
 * Calls `changed` after a file that `counts` changed, came or went; the folders it returns are watched from then on as well.
 * `path` is absolute, and `undefined` on a system that does not say which file it was.
 */
export function watchFolders(
  changed: (path: string | undefined) => readonly string[],
  counts: (path: string) => boolean = (path) => path.endsWith(".proto"),
): WatchedFolders {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout | undefined;
  const add = (folders: readonly string[]): void => {
    for (const folder of folders.map((one) => resolve(one))) {
      if (watchers.has(folder)) continue;
      const saw = (file: string | null): void => {
        const path = file === null ? undefined : join(folder, file);
        if (path !== undefined && !counts(path)) return;
        clearTimeout(timer);
        timer = setTimeout(() => add(changed(path)), SETTLE_MS);
      };
      const watcher = watchFolder(folder, saw);
      // A folder that is not there may be the next time.
      if (watcher !== undefined) watchers.set(folder, watcher);
    }
  };
  return {
    add,
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
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
