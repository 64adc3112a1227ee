import type { Clock, Timer } from '../lib/clock.ts'
import { signalGroup } from './process-group.ts'

/** Schedule for stopping a child; milliseconds after the first TERM. */
export interface Termination {
  /** TERM a second time: an ffmpeg blocked in a read notices the first only when the read returns. */
  readonly againMs: number
  /** KILL to the whole group. */
  readonly graceMs: number
}

export const DEFAULT_TERMINATION: Termination = { againMs: 300, graceMs: 2_000 }

export interface RunningTermination {
  /** The child needed KILL. */
  readonly forced: boolean
  cancel(): void
}

/** Sends TERM, TERM again, KILL. Cancelled by the child's end. */
export const terminate = (
  pid: number,
  termination: Termination,
  clock: Clock,
): RunningTermination => {
  let forced = false
  signalGroup(pid, 'SIGTERM')
  // A stopped (SIGSTOP) process sees TERM only when it runs again.
  signalGroup(pid, 'SIGCONT')
  const timers: Timer[] = [
    clock.after(termination.againMs, () => signalGroup(pid, 'SIGTERM')),
    clock.after(termination.graceMs, () => {
      forced = true
      signalGroup(pid, 'SIGKILL')
    }),
  ]
  return {
    get forced() {
      return forced
    },
    cancel: () => {
      for (const timer of timers) timer.cancel()
    },
  }
}
