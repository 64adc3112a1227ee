import { createHash, randomBytes } from 'node:crypto'
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseState, stateText, type StateForm } from '../../process/state-file.ts'

const MAX_SLUG_CHARS = 60
const HASH_CHARS = 16
const CLAIM_FILE = 'channel.json'

/**
 * A folder's name for a channel of any name: letters, digits and "-" of it, then "_" and a hash of the whole, so that no
 * two names share a folder. Safe where upper and lower case are the same; at most 77 bytes.
 */
export const stateFolderName = (name: string): string => {
  const slug = plainSlug(name)
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, MAX_SLUG_CHARS)
  // UTF-16, because UTF-8 makes all halves of surrogate pairs one.
  const hash = createHash('sha256').update(Buffer.from(name, 'utf16le')).digest('hex')
  return `${slug === '' ? 'channel' : slug}_${hash.slice(0, HASH_CHARS)}`
}

/** Folder in which the next run of the channel finds its segments and numbers, from any working directory. */
export const findStateFolder = (base: string, name: string): string => {
  const own = join(base, stateFolderName(name))
  if (existsSync(own)) return own
  const earlier = join(base, earlierFolderName(name))
  return existsSync(earlier) && claim(earlier, name) ? earlier : own
}

/** Folder name of the first release, in which all names in other scripts were one. */
const earlierFolderName = (name: string): string => {
  const slug = plainSlug(name)
  return slug === '' || slug === '-' ? 'channel' : slug
}

const plainSlug = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

interface Claim {
  readonly name: string
}

const CLAIM_FORM: StateForm<Claim> = {
  version: 1,
  parse: (value) =>
    typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
      ? { name: value.name }
      : undefined,
}

/** An earlier folder belongs to the first of the channels that shared its name. False when it belongs to another one. */
const claim = (folder: string, name: string): boolean => {
  const path = join(folder, CLAIM_FILE)
  const part = `${path}.${randomBytes(4).toString('hex')}`
  try {
    writeFileSync(part, stateText({ name }, CLAIM_FORM))
    const owner = ownerIn(path)
    if (owner === 'none') linkSync(part, path)
    else if (owner === 'unreadable') renameSync(part, path)
  } catch {
    // Another process was faster, or the disk is not writable: not claimed.
  }
  rmSync(part, { force: true })
  const owner = ownerIn(path)
  return typeof owner === 'string' || owner.name === name
}

const ownerIn = (path: string): Claim | 'none' | 'unreadable' => {
  if (!existsSync(path)) return 'none'
  const stored = parseState(readFileSync(path, 'utf8'), CLAIM_FORM)
  return stored.kind === 'valid' ? stored.state : 'unreadable'
}
