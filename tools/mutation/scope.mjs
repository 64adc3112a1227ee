// What is mutated: the folders that boundaries.mjs keeps pure, but for those named here. The one place that says so.
import { readdirSync } from 'node:fs'
import { posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROWS, rowOf } from '../../boundaries.mjs'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Node's modules that leave a folder pure. */
const HARMLESS = new Set(['buffer', 'crypto', 'perf_hooks'])
/** Folders that decide, though their row leaves them all of Node. */
const ALSO = ['src/config']
/** Schemas: their numbers are the documented limits, which no test needs to repeat. */
const NEITHER = ['src/contract']

const isPure = ({ at, node }) =>
  at.startsWith('src/') && Array.isArray(node) && node.every((name) => HARMLESS.has(name))

const FOLDERS = new Set([...ROWS.filter(isPure).map((row) => row.at), ...ALSO])
for (const folder of NEITHER) FOLDERS.delete(folder)

/** The folder of the table that a file belongs to. */
export const folderOf = (path) => rowOf(path)?.at

/** A path from the root of the repository, with slashes. */
export const fromRoot = (path) => relative(ROOT, path).split(sep).join('/')

const filesBelow = (folder) =>
  readdirSync(posix.join(ROOT, folder), { recursive: true })
    .map((name) => posix.join(folder, String(name).split(sep).join('/')))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .sort()

/** Sources and helpers of tests: what an import can lead to. */
export const allFiles = () => [...filesBelow('src'), ...filesBelow('test')]

const expressionOf = (glob) => {
  const parts = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' }
  const body = glob.replaceAll(/\*\*\/|\*\*|[*?]|[.+^${}()|[\]\\]/g, (it) => parts[it] ?? `\\${it}`)
  return new RegExp(`^${body}(?:/.*)?$`)
}

/** @param {readonly string[]} globs Files or folders; none for all pure folders. */
export const mutatedFiles = (globs) => {
  const sources = filesBelow('src').filter((path) => !path.endsWith('.test.ts'))
  if (globs.length === 0) return sources.filter((path) => FOLDERS.has(folderOf(path)))
  const expressions = globs.map(expressionOf)
  return sources.filter((path) => expressions.some((one) => one.test(path)))
}
