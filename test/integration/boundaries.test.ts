import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RESERVED_NODE, ROWS } from '../../boundaries.mjs'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
const COPIED = ['.oxlintrc.json', 'boundaries.mjs', 'tools/oxlint-boundaries.mjs', 'tsconfig.json']
const PACKAGES = ['zod', 'fastify', 'pino', 'prom-client', 'commander', 'smol-toml', 'vitest']

interface Row {
  readonly at: string
  readonly imports: readonly string[]
  readonly packages?: readonly string[]
  readonly node?: readonly string[] | 'any'
}
interface Diagnostic {
  readonly code?: string
  readonly filename: string
  readonly message: string
}

const rows: readonly Row[] = ROWS
const isFile = (at: string): boolean => /\.\w+$/.test(at)
const extension = (at: string): string => (at.startsWith('web/') ? '.js' : '.ts')

/** A file that the row speaks for. A row of one file stands for itself. */
const fileOf = (at: string, name: string): string =>
  isFile(at) ? at : `${at}/${name}${extension(at)}`

const specifier = (from: string, to: string): string => {
  const path = relative(dirname(from), to)
  return path.startsWith('.') ? path : `./${path}`
}

/** Everything the row refuses, as specifiers. */
const refusedBy = (row: Row, from: string): string[] => [
  ...rows
    .filter((other) => other !== row && !row.imports.includes(other.at))
    .map((other) => specifier(from, fileOf(other.at, 'there'))),
  ...PACKAGES.filter((name) => !row.packages?.includes(name)),
  ...[...RESERVED_NODE, ...(Array.isArray(row.node) ? ['http'] : [])]
    .filter((name) => row.node === undefined || !row.node.includes(name))
    .map((name) => `node:${name}`),
]

const allowedBy = (row: Row, from: string): string[] => [
  ...row.imports.map((at) => specifier(from, fileOf(at, 'there'))),
  ...(row.packages ?? []),
  ...(Array.isArray(row.node) ? row.node.map((name) => `node:${name}`) : []),
]

let root = ''
let found: readonly Diagnostic[] = []

const plant = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

const importing = (specifiers: readonly string[]): string =>
  [...specifiers.map((name) => `import ${JSON.stringify(name)}`), 'export {}', ''].join('\n')

const lint = async (): Promise<readonly Diagnostic[]> => {
  const oxlint = join(REPOSITORY, 'node_modules/.bin/oxlint')
  const { stdout } = await promisify(execFile)(oxlint, ['--format', 'json'], {
    cwd: root,
    maxBuffer: 64 << 20,
  }).catch((failed: { stdout: string }) => failed)
  return (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics
}

const messagesAt = (path: string, rule: string): string[] =>
  found
    .filter(({ filename, code }) => filename === path && code?.includes(rule))
    .map(({ message }) => message)

/** Forms in which src/lib reaches for what it may not have. */
const FORMS: readonly (readonly [string, string])[] = [
  ['import', `import { x } from '../media/ring/there.ts'\nconsole.log(x)`],
  ['import-type', `import type { X } from '../media/ring/there.ts'\nexport type Y = X`],
  ['import-bare', `import '../media/ring/there.ts'`],
  ['export-from', `export { x } from '../media/ring/there.ts'`],
  ['export-all', `export * from '../media/ring/there.ts'`],
  ['import-call', `export const x = await import('../media/ring/there.ts')`],
  ['import-call-template', 'export const x = await import(`../media/ring/there.ts`)'],
  ['type-import', `export type X = import('../media/ring/there.ts').X`],
  ['require', `export const x: unknown = require('../media/ring/there.ts')`],
  ['roundabout', `export { x } from '../../src/lib/../media/ring/there.ts'`],
  ['test-of-own-folder', `export { x } from './there.test.ts'`],
]

/** One violation of each other rule that this repository leans on. */
const OTHER_RULES: readonly (readonly [string, string])[] = [
  ['no-default-export', 'export default 1'],
  ['no-cycle', `import { b } from './other-b.ts'\nexport const a = (): number => b()`],
  ['no-explicit-any', 'export const x = (y: any): unknown => y'],
  ['no-floating-promises', 'export const x = (): void => {\n  Promise.resolve(1)\n}'],
  [
    'no-misused-promises',
    'export const x = (): void => {\n  [1].forEach(async () => Promise.resolve())\n}',
  ],
  [
    'switch-exhaustiveness-check',
    `export const x = (y: 'a' | 'b'): number => {\n  switch (y) {\n    case 'a':\n      return 1\n  }\n  return 2\n}`,
  ],
  ['max-lines', 'export {}\n'.repeat(400)],
  ['max-params', 'export const x = (a: 1, b: 1, c: 1, d: 1, e: 1): number => a + b + c + d + e'],
]

describe('import boundaries, with planted violations', () => {
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'sluice-boundaries-'))
    for (const path of COPIED) cpSync(join(REPOSITORY, path), join(root, path), { recursive: true })
    symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'))
    for (const row of rows) {
      const refused = fileOf(row.at, 'planted')
      plant(refused, importing(refusedBy(row, refused)))
      if (isFile(row.at)) continue
      const legal = fileOf(row.at, 'legal')
      plant(legal, importing(allowedBy(row, legal)))
    }
    for (const [name, text] of FORMS) plant(`src/lib/form-${name}.ts`, `${text}\n`)
    for (const [rule, text] of OTHER_RULES) plant(`src/contract/${rule}.ts`, `${text}\n`)
    plant(
      'src/contract/other-b.ts',
      `import { a } from './no-cycle.ts'\nexport const b = (): number => a()\n`,
    )
    plant('src/nowhere/file.ts', importing(['node:fs']))
    found = await lint()
  }, 60_000)
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it.each(rows.map((row) => [row.at, row] as const))(
    '%s: every refused import is flagged',
    (_, row) => {
      const path = fileOf(row.at, 'planted')
      const refused = refusedBy(row, path)
      expect(refused.length).toBeGreaterThan(RESERVED_NODE.length)
      expect(messagesAt(path, 'boundaries(imports)')).toHaveLength(refused.length)
    },
  )

  it.each(rows.filter(({ at }) => !isFile(at)).map((row) => [row.at] as const))(
    '%s: what it may import is not flagged',
    (at) => {
      expect(messagesAt(fileOf(at, 'legal'), 'boundaries(imports)')).toEqual([])
    },
  )

  it.each(FORMS.map(([name]) => [name]))('sees the form %s', (name) => {
    expect(messagesAt(`src/lib/form-${name}.ts`, 'boundaries(imports)')).toHaveLength(1)
  })

  it('flags a file in a folder that has no row', () => {
    expect(messagesAt('src/nowhere/file.ts', 'boundaries(imports)')).toEqual([
      'no row of boundaries.mjs speaks for src/nowhere/file.ts',
    ])
  })

  it.each(OTHER_RULES.map(([rule]) => [rule]))('flags %s', (rule) => {
    expect(messagesAt(`src/contract/${rule}.ts`, rule)).not.toEqual([])
  })
})
