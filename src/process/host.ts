import { execFileSync } from 'node:child_process'
import type { Clock } from '../lib/clock.ts'
import { realClock } from '../lib/clock.ts'
import { findExecutable } from './executable.ts'
import type { Ledger } from './ledger.ts'

/** Facilities shared by all children of this instance; built once. */
export interface ProcessHost {
  /** Path of setpriv(1) when it can bind a child's life to ours. Without it only the ledger ends children of a killed Sluice. */
  readonly setpriv: string | undefined
  readonly ledger: Ledger
  readonly clock: Clock
}

/** setpriv has --pdeathsig since util-linux 2.33, and is on Linux only: tried rather than guessed. */
export const findSetpriv = (): string | undefined => {
  const path = findExecutable('setpriv')
  if (path === undefined) return undefined
  try {
    execFileSync(path, ['--pdeathsig', 'KILL', '--', 'true'], { stdio: 'ignore', timeout: 5_000 })
    return path
  } catch {
    return undefined
  }
}

export const processHost = (ledger: Ledger): ProcessHost => ({
  setpriv: findSetpriv(),
  ledger,
  clock: realClock,
})
