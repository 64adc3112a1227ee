import type { Clock } from '../lib/clock.ts'
import { realClock, pause } from '../lib/clock.ts'
import { hasLivingProcess } from './proc.ts'

const POLL_INTERVAL_MS = 20
/** A killed group is gone within a few milliseconds; one in uninterruptible sleep may not be. */
const MAX_KILL_WAIT_MS = 1_000

const NEVER_ABORTED = new AbortController().signal

/** Signals a group; false when it is gone. A process that we may not signal counts as gone: it is not ours. */
export const signalGroup = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-pid, signal)
    return true
  } catch {
    return false
  }
}

/** True if the group exists: a cheap check, mostly false. */
export const isGroupAlive = (pid: number): boolean => signalGroup(pid, 0) && hasLivingProcess(pid)

export interface EndGroupOptions {
  readonly clock?: Clock
  /** Between TERM and KILL. */
  readonly graceMs: number
}

const waitUntilGone = async (pid: number, ms: number, clock: Clock): Promise<boolean> => {
  const until = clock.now() + ms
  while (isGroupAlive(pid)) {
    if (clock.now() >= until) return false
    await pause(clock, POLL_INTERVAL_MS, NEVER_ABORTED)
  }
  return true
}

/** TERM, then KILL after the grace. Resolves when the group is gone; false when it outlived even KILL for a second. */
export const endGroup = async (pid: number, end: EndGroupOptions): Promise<boolean> => {
  const clock = end.clock ?? realClock
  if (!signalGroup(pid, 'SIGTERM')) return true
  if (await waitUntilGone(pid, end.graceMs, clock)) return true
  return killGroup(pid, clock)
}

/** KILL at once, for processes that a child left in its group. */
export const killGroup = async (pid: number, clock: Clock = realClock): Promise<boolean> => {
  if (!signalGroup(pid, 'SIGKILL')) return true
  return waitUntilGone(pid, MAX_KILL_WAIT_MS, clock)
}
