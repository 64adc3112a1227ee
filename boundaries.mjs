/**
 * Who may import whom. tools/oxlint-boundaries.mjs enforces the table, test/integration/boundaries.test.ts plants a
 * violation of every row.
 *
 * A row speaks for the files of its folder (or for one file) that no longer row speaks for. What it does not name, it
 * refuses: folders of this repository in `imports` (a folder of the table, without the folders below it), npm packages
 * in `packages`, Node's own modules in `node`. Tests and benches are free.
 *
 * @typedef {object} Row
 * @property {string} at
 * @property {readonly string[]} imports
 * @property {readonly string[]} [packages]
 * @property {readonly string[] | 'any'} [node] Default: any but those that are reserved.
 */

/** Node's modules that only rows which name them may import. */
export const RESERVED_NODE = ['child_process', 'cluster', 'worker_threads']

const BYTES = ['src/lib', 'src/contract', 'src/codec', 'src/mpegts', 'src/mp4', 'src/rtmp']
const PROCESSES = ['src/process', 'src/ffmpeg']
const MEDIA = [
  'src/media',
  'src/media/sources',
  'src/media/switch',
  'src/media/ring',
  'src/media/outputs',
  'src/media/slate',
]
const CONTROL = [
  'src/control/channels',
  'src/control/directors',
  'src/control/obs',
  'src/control/api',
]

/** @type {readonly Row[]} */
export const ROWS = [
  { at: 'src/main.ts', imports: ['src/cli', 'src/app.ts'] },
  {
    at: 'src/app.ts',
    imports: [...BYTES, ...PROCESSES, 'src/config', 'src/cli', 'src/media', ...CONTROL],
  },
  {
    at: 'src/cli',
    imports: [...BYTES, ...PROCESSES, 'src/config'],
    packages: ['commander', 'eventsource-parser'],
  },
  { at: 'src/config', imports: ['src/lib', 'src/contract'], packages: ['smol-toml', 'zod'] },
  { at: 'src/lib', imports: [], node: ['perf_hooks'] },
  { at: 'src/contract', imports: ['src/lib'], packages: ['zod'], node: [] },
  // Pure bytes: no input, no output, no clock.
  { at: 'src/codec', imports: ['src/lib', 'src/contract'], node: ['buffer'] },
  { at: 'src/mpegts', imports: ['src/lib', 'src/contract', 'src/codec'], node: ['buffer'] },
  { at: 'src/mp4', imports: ['src/lib', 'src/contract', 'src/codec'], node: ['buffer'] },
  { at: 'src/rtmp', imports: ['src/lib', 'src/contract', 'src/codec'], node: ['buffer'] },
  {
    at: 'src/process',
    imports: ['src/lib', 'src/contract'],
    node: [
      'child_process',
      'crypto',
      'fs',
      'fs/promises',
      'os',
      'path',
      'perf_hooks',
      'stream',
      'timers/promises',
    ],
  },
  { at: 'src/ffmpeg', imports: ['src/lib', 'src/contract', 'src/process'] },
  // The data plane. Its parts do not know each other: the files at its root wire them.
  { at: 'src/media', imports: [...BYTES, ...PROCESSES, ...MEDIA] },
  { at: 'src/media/sources', imports: [...BYTES, ...PROCESSES] },
  { at: 'src/media/switch', imports: BYTES, node: ['buffer', 'crypto'] },
  { at: 'src/media/ring', imports: BYTES, node: ['buffer'] },
  { at: 'src/media/outputs', imports: [...BYTES, ...PROCESSES] },
  { at: 'src/media/slate', imports: [...BYTES, ...PROCESSES] },
  // The control plane. It reaches the data plane through the contract.
  {
    at: 'src/control/channels',
    imports: ['src/lib', 'src/contract', 'src/control/directors'],
    node: [],
  },
  { at: 'src/control/directors', imports: ['src/lib', 'src/contract'], node: [] },
  {
    at: 'src/control/obs',
    imports: ['src/lib', 'src/contract'],
    packages: ['pino', 'prom-client'],
  },
  {
    at: 'src/control/api',
    imports: ['src/lib', 'src/contract', 'src/control/api/routes'],
    packages: ['fastify', 'fastify-type-provider-zod', 'zod'],
  },
  {
    at: 'src/control/api/routes',
    imports: ['src/lib', 'src/contract', 'src/control/api'],
    packages: ['fastify', 'fastify-type-provider-zod', 'zod'],
  },
  // Served as they are, to browsers.
  { at: 'web/public', imports: [], node: [] },
]

const TEST_FILE = /\.test\.ts$/

/** @param {string} path Of a file, from the root of the repository, with slashes. */
export const rowOf = (path) => {
  let best
  for (const row of ROWS) {
    const speaks = path === row.at || path.startsWith(`${row.at}/`)
    if (speaks && (best === undefined || row.at.length > best.at.length)) best = row
  }
  return best
}

/** "./a/../b.ts" as seen from a file: a path from the root. */
const resolve = (from, specifier) => {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/')
}

const packageOf = (specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')

const nodeVerdict = (row, name) => {
  const allowed =
    row.node === undefined || row.node === 'any'
      ? !RESERVED_NODE.includes(name)
      : row.node.includes(name)
  return allowed ? undefined : `${row.at} may not import node:${name}`
}

const fileVerdict = (row, target) => {
  if (TEST_FILE.test(target)) return `${row.at} may not import tests`
  const other = rowOf(target)
  if (other === row || (other !== undefined && row.imports.includes(other.at))) return undefined
  return `${row.at} may not import ${other?.at ?? target}`
}

/**
 * Why a file may not import what the specifier names; undefined when it may.
 * @param {string} from Path of the importing file, from the root of the repository, with slashes.
 * @param {string} specifier
 * @returns {string | undefined}
 */
export const refusal = (from, specifier) => {
  if (TEST_FILE.test(from) || !/^(?:src|web)\//.test(from)) return undefined
  const row = rowOf(from)
  if (row === undefined) return `no row of boundaries.mjs speaks for ${from}`
  if (specifier.startsWith('.')) return fileVerdict(row, resolve(from, specifier))
  if (specifier.startsWith('node:')) return nodeVerdict(row, specifier.slice('node:'.length))
  const name = packageOf(specifier)
  return row.packages?.includes(name) ? undefined : `${row.at} may not import the package ${name}`
}
