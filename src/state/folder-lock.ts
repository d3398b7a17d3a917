// One process a folder: a file with the owner's process id. A lock whose owner is gone is taken over.

import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { MillraceError } from '../runtime/errors.ts';

export interface FolderLock {
  /** Throws STATE_LOST where the folder was removed meanwhile. */
  release(): void;
}

/** Folders that this very process has locked: its own id in the file says nothing about a second use. */
const ours = new Set<string>();

/** Throws STATE_LOCKED, naming the process that has it. */
export function lockFolder(folder: string): FolderLock {
  const file = path.resolve(folder, 'lock');
  if (ours.has(file)) throw locked(folder, process.pid);
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const handle = openSync(file, 'wx');
      writeSync(handle, String(process.pid));
      closeSync(handle);
      ours.add(file);
      return { release: () => release(file) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const owner = ownerOf(file);
      if (owner !== undefined && owner !== process.pid && isAlive(owner)) throw locked(folder, owner);
      unlinkSync(file);
    }
  }
  throw locked(folder, undefined);
}

function release(file: string): void {
  ours.delete(file);
  try {
    unlinkSync(file);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    throw new MillraceError('STATE_LOST', `the data folder ${path.dirname(file)} was removed while it was in use`, {
      hint: 'Put it back if you have it. Else `millrace drop-slot`, and start again: every pipeline is built anew from its tables.',
      cause,
    });
  }
}

function ownerOf(file: string): number | undefined {
  const pid = Number(readFileSync(file, 'utf8'));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function locked(folder: string, pid: number | undefined): MillraceError {
  return new MillraceError(
    'STATE_LOCKED',
    `the data folder ${folder} is used by ${pid === undefined ? 'another process' : `process ${pid}`}`,
    {
      hint: 'One connector uses a folder. Stop the other, or give this one another --data or --group.',
    },
  );
}
