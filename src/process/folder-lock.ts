import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { join } from 'node:path'
import { SluiceError } from '../contract/errors.ts'
import { errorCode } from '../lib/error-code.ts'
import { IDENTITY_FORM, isRunning, ownIdentity, type ProcessIdentity } from './process-identity.ts'
import { readStateFile, stateText } from './state-file.ts'

const MAX_ATTEMPTS = 10
/** Time for an owner to finish writing its lock. */
const UNREADABLE_PAUSE_MS = 20

export interface FolderLock {
  release(): Promise<void>
}

export interface LockedFolder {
  readonly folder: string
  /** Name of the file that holds the owner. */
  readonly file: string
  /** Purpose of the folder, and advice when it is in use: for the message. */
  readonly purpose: string
  readonly advice: string
}

/** Throws SluiceError when a living process owns the folder; the lock of a dead one is taken over. */
export const lockFolder = async (locked: LockedFolder): Promise<FolderLock> => {
  const path = join(locked.folder, locked.file)
  const owner = ownIdentity()
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (await createLock(path, owner)) return { release: () => rm(path, { force: true }) }
    const other = await readOwner(path)
    if (other === undefined && attempt < MAX_ATTEMPTS / 2) await pause(UNREADABLE_PAUSE_MS)
    else if (other !== undefined && isRunning(other)) throw inUseError(locked, other)
    else await removeStaleLock(path, other)
  }
  throw inUseError(locked, undefined)
}

const createLock = async (path: string, owner: ProcessIdentity): Promise<boolean> => {
  try {
    await writeFile(path, stateText(owner, IDENTITY_FORM), { flag: 'wx', mode: 0o644 })
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    // A full disk leaves an empty one.
    await rm(path, { force: true }).catch(() => {})
    throw error
  }
}

const readOwner = async (path: string): Promise<ProcessIdentity | undefined> => {
  const stored = await readStateFile(path, IDENTITY_FORM)
  return stored?.kind === 'valid' ? stored.state : undefined
}

/** Another process may do the same: the owner of a moved lock is checked again, and a living one's lock restored. */
const removeStaleLock = async (path: string, dead: ProcessIdentity | undefined): Promise<void> => {
  const aside = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  const moved = await readOwner(aside)
  const same = moved?.pid === dead?.pid && moved?.start === dead?.start
  if (same) await rm(aside, { force: true })
  else await rename(aside, path)
}

const inUseError = (
  { folder, purpose, advice }: LockedFolder,
  owner: ProcessIdentity | undefined,
): SluiceError =>
  new SluiceError(
    'option_refused',
    `the ${purpose} folder ${folder} is in use by ${owner === undefined ? 'another process' : `process ${owner.pid}`}: ${advice}`,
  )
