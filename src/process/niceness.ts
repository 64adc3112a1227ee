import { writeFile } from 'node:fs/promises'
import { getPriority, setPriority } from 'node:os'
import { millis } from '../contract/time.ts'
import type { Clock } from '../lib/clock.ts'
import { findExecutable } from './executable.ts'

const MAX_NICENESS = 19
/** The kernel takes one change of an autogroup every 100 ms from who is not root, all processes together. */
const RETRY_INTERVAL_MS = millis(150)
const MAX_ATTEMPTS = 20

/** A program and its arguments. */
export type CommandLine = readonly [string, ...string[]]

/**
 * What runs a command nicer than ourselves by `niceness` (0 to 19): nice(1) and the command take each other's place, so
 * that all threads and children of it are as nice from the first on. Undefined where there is no nice(1).
 */
export const withNiceness = (niceness: number, command: CommandLine): CommandLine | undefined => {
  const nice = findExecutable('nice')
  return nice === undefined ? undefined : [nice, '-n', String(niceness), ...command]
}

/** The same without nice(1): threads and children that the process has already keep what they have. */
export const setNiceness = (pid: number, niceness: number): void => {
  try {
    setPriority(pid, Math.min(MAX_NICENESS, getPriority() + niceness))
  } catch {
    // It is gone already.
  }
}

/**
 * Where Linux groups processes by session (sched(7), "The autogroup feature"), niceness counts within a session only, and
 * each child has one of its own: the whole group has to be nice. Elsewhere there is nothing to be done.
 */
export const setSessionNiceness = async (
  session: { readonly pid: number; readonly niceness: number; readonly lives: () => boolean },
  clock: Clock,
): Promise<void> => {
  const { pid, niceness, lives } = session
  for (let attempt = 0; attempt < MAX_ATTEMPTS && lives(); attempt++) {
    try {
      // Not created where it is missing: /proc takes no files.
      await writeFile(`/proc/${pid}/autogroup`, String(niceness), { flag: 'r+' })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
    }
    await new Promise<void>((resolve) => void clock.after(RETRY_INTERVAL_MS, resolve))
  }
}
