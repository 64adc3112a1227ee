import { startMarkOf } from './proc.ts'
import type { StateForm } from './state-file.ts'

/** A process, distinct from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  readonly start: string
}

export const ownIdentity = (): ProcessIdentity => ({
  pid: process.pid,
  start: startMarkOf(process.pid) ?? 'unknown',
})

export const isRunning = ({ pid, start }: ProcessIdentity): boolean => startMarkOf(pid) === start

/** Type guard; pid 1 is Sluice itself in a container. */
export const isIdentity = (value: unknown): value is ProcessIdentity =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  Number.isSafeInteger(value.pid) &&
  (value.pid as number) >= 1 &&
  'start' in value &&
  typeof value.start === 'string'

export const IDENTITY_FORM: StateForm<ProcessIdentity> = {
  version: 1,
  parse: (value) => (isIdentity(value) ? value : undefined),
}
