import { writeFile } from 'node:fs/promises'
import { getPriority, setPriority } from 'node:os'
import { millis } from '../contract/time.ts'
import type { Clock } from '../lib/clock.ts'
import { findExecutable } from './executable.ts'

const MAX_NICENESS = 19
/** The kernel accepts one autogroup change per 100 ms from users other than root, over all processes. */
const RETRY_INTERVAL_MS = millis(150)
const MAX_ATTEMPTS = 20

/** A program and its arguments. */
export type CommandLine = readonly [string, ...string[]]

/**
 * Command line that runs a command at our niceness plus `niceness` (0 to 19): nice(1) execs the command, so that all its
 * threads and children have it from the start. Undefined where there is no nice(1).
 */
export const withNiceness = (niceness: number, command: CommandLine): CommandLine | undefined => {
  const nice = findExecutable('nice')
  return nice === undefined ? undefined : [nice, '-n', String(niceness), ...command]
}

/** Sets the niceness without nice(1): existing threads and children keep theirs. */
export const setNiceness = (pid: number, niceness: number): void => {
  try {
    setPriority(pid, Math.min(MAX_NICENESS, getPriority() + niceness))
  } catch {
    // It has ended.
  }
}

/**
 * Sets the niceness of a session's group. Where Linux groups processes by session (sched(7), "The autogroup feature"),
 * niceness counts within a session only, and each child has its own session. Elsewhere it does nothing.
 */
export const setSessionNiceness = async (
  session: { readonly pid: number; readonly niceness: number; readonly lives: () => boolean },
  clock: Clock,
): Promise<void> => {
  const { pid, niceness, lives } = session
  for (let attempt = 0; attempt < MAX_ATTEMPTS && lives(); attempt++) {
    try {
      // Not created where it is missing: /proc cannot hold new files.
      await writeFile(`/proc/${pid}/autogroup`, String(niceness), { flag: 'r+' })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
    }
    await new Promise<void>((resolve) => void clock.after(RETRY_INTERVAL_MS, resolve))
  }
}
