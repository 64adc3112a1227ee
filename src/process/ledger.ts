import { randomBytes } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { startMarkOf } from './proc.ts'
import { endGroup } from './process-group.ts'
import {
  IDENTITY_FORM,
  isIdentity,
  isRunning,
  ownIdentity,
  type ProcessIdentity,
} from './process-identity.ts'
import { readStateFile, stateText, type StateForm } from './state-file.ts'

interface ChildRecord extends ProcessIdentity {
  readonly command: string
  readonly purpose: string
  readonly parent: ProcessIdentity
}

export interface RunningChild {
  readonly pid: number
  readonly command: string
  readonly purpose: string
}

/** Record of running children, so that the next start of Sluice can end those of a killed one. */
export interface Ledger {
  /** Returns the function that removes the child's record (idempotent). */
  record(child: RunningChild): () => void
  /** Removes the instance's own folder; call it at the end of the program, when every child has ended. */
  close(): void
}

const OWNER_FILE = 'owner.json'
const WRITABLE_BY_OTHERS = 0o022
const ORPHAN_GRACE_MS = 2_000

/** Per user, because /tmp is shared: "sluice-<uid>/children". */
export const defaultLedgerFolder = (): string =>
  join(tmpdir(), `sluice-${userInfo().uid}`, 'children')

// The records name processes to end, so no other user may have written them: a folder in a shared /tmp that another
// user made first is refused.
const ensureOwnFolder = (folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const stat = lstatSync(folder)
  const uid = process.getuid?.()
  if (!stat.isDirectory() || (uid !== undefined && stat.uid !== uid)) {
    throw new Error(`${folder} must be a folder that belongs to this user (uid ${uid})`)
  }
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw new Error(`${folder} can be written by others (mode ${(stat.mode & 0o777).toString(8)})`)
  }
}

// A reader in another process sees a whole record or none. Not synced: the processes end with the machine.
const writeAtomically = (path: string, text: string): void => {
  const part = `${path}.${randomBytes(4).toString('hex')}.part`
  writeFileSync(part, text, { mode: 0o600 })
  renameSync(part, path)
}

/** Opens a folder of this instance's own under `root`. */
export const openLedger = (root: string = defaultLedgerFolder()): Ledger => {
  ensureOwnFolder(root)
  const parent = ownIdentity()
  const folder = join(root, `${parent.pid}-${randomBytes(6).toString('hex')}`)
  mkdirSync(folder, { mode: 0o700 })
  writeAtomically(join(folder, OWNER_FILE), stateText(parent, IDENTITY_FORM))
  return {
    record: (child) => {
      const start = startMarkOf(child.pid)
      if (start === undefined) return () => {}
      const path = join(folder, `${child.pid}.json`)
      const record: ChildRecord = { ...child, start, parent }
      try {
        writeAtomically(path, stateText(record, RECORD_FORM))
      } catch {
        // A full disk must not keep a source from starting; this child is then only ended by pdeathsig.
        return () => {}
      }
      return () => rmSync(path, { force: true })
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const isRecord = (value: unknown): value is ChildRecord =>
  isIdentity(value) &&
  // kill(-1) would signal every process.
  value.pid > 1 &&
  'command' in value &&
  typeof value.command === 'string' &&
  'purpose' in value &&
  typeof value.purpose === 'string' &&
  'parent' in value &&
  isIdentity(value.parent)

const RECORD_FORM: StateForm<ChildRecord> = {
  version: 1,
  parse: (value) => (isRecord(value) ? value : undefined),
}

const listNames = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/**
 * Ends the process groups of children whose Sluice has died (killed, crashed), and returns them. Children of instances
 * that still run are left alone, as are other processes with a recorded pid. Safe with several at once.
 */
export const endOrphans = async (
  root: string = defaultLedgerFolder(),
): Promise<readonly RunningChild[]> => {
  ensureOwnFolder(root)
  const ended = await Promise.all(listNames(root).map((name) => endOrphansOf(join(root, name))))
  return ended.flat()
}

const endOrphansOf = async (folder: string): Promise<RunningChild[]> => {
  const owner = await readStateFile(join(folder, OWNER_FILE), IDENTITY_FORM)
  // Without a readable owner it is incomplete (an instance is starting) or not ours.
  if (owner?.kind !== 'valid' || isRunning(owner.state)) return []
  const ended: RunningChild[] = []
  for (const name of listNames(folder)) {
    if (name === OWNER_FILE) continue
    const stored = await readStateFile(join(folder, name), RECORD_FORM)
    if (stored?.kind !== 'valid') continue
    const record = stored.state
    if (isRunning(record.parent) || !isRunning(record)) continue
    await endGroup(record.pid, { graceMs: ORPHAN_GRACE_MS })
    ended.push({ pid: record.pid, command: record.command, purpose: record.purpose })
  }
  for (const name of listNames(folder)) {
    if (name.endsWith('.json') || name.endsWith('.part'))
      rmSync(join(folder, name), { force: true })
  }
  try {
    rmdirSync(folder)
  } catch {
    // Another instance was first, or there is a foreign file.
  }
  return ended
}
