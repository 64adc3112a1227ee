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

const BYTES = ['src/lib', 'src/contract', 'src/codec', 'src/mpegts']
const PACKAGED = [...BYTES, 'src/mp4']
const PROCESSES = ['src/process', 'src/ffmpeg']
/** What every output is given, and must be. */
const INTERFACE = 'src/media/outputs/interface'

/** @type {readonly Row[]} */
export const ROWS = [
  { at: 'src/main.ts', imports: ['src/cli', 'src/app.ts'] },
  {
    at: 'src/app.ts',
    imports: [
      'src/lib',
      'src/contract',
      ...PROCESSES,
      'src/config',
      'src/cli',
      'src/media/channel',
      'src/media/host',
      'src/control/api',
      'src/control/channels',
      'src/control/telemetry',
    ],
  },
  {
    at: 'src/cli',
    imports: [...BYTES, ...PROCESSES, 'src/analyzer', 'src/config'],
    packages: ['commander', 'eventsource-parser', 'zod'],
  },
  { at: 'src/config', imports: ['src/lib', 'src/contract'], packages: ['smol-toml', 'zod'] },
  { at: 'src/lib', imports: [], node: ['perf_hooks'] },
  { at: 'src/contract', imports: ['src/lib'], packages: ['zod'], node: [] },
  // Pure bytes: no input, no output, no clock.
  { at: 'src/codec', imports: ['src/lib', 'src/contract'], node: ['buffer'] },
  { at: 'src/mpegts', imports: ['src/lib', 'src/contract', 'src/codec'], node: ['buffer'] },
  { at: 'src/analyzer', imports: BYTES, node: ['buffer'] },
  { at: 'src/mp4', imports: ['src/lib', 'src/contract', 'src/codec'], node: ['buffer'] },
  { at: 'src/rtmp', imports: ['src/lib', 'src/contract', 'src/codec'], node: ['buffer'] },
  // Remote hosts: budgets of connections, where a request comes from, clients.
  { at: 'src/net', imports: ['src/lib', 'src/contract'] },
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
  // The data plane, from what is imported to what imports. Sources, switch and outputs do not know each other.
  { at: 'src/media/format', imports: ['src/lib', 'src/contract'], node: [] },
  { at: 'src/media/buffer', imports: BYTES, node: ['buffer'] },
  {
    at: 'src/media/switch',
    imports: [...BYTES, 'src/media/buffer'],
    node: ['buffer', 'crypto'],
  },
  { at: 'src/media/ring', imports: ['src/lib', 'src/contract'], node: ['buffer'] },
  { at: 'src/media/slate', imports: [...BYTES, ...PROCESSES] },
  { at: 'src/media/sources', imports: [...BYTES, ...PROCESSES, 'src/net'] },
  { at: 'src/media/input/conform', imports: [...BYTES, ...PROCESSES] },
  {
    at: 'src/media/input',
    imports: [
      ...BYTES,
      'src/ffmpeg',
      'src/media/buffer',
      'src/media/format',
      'src/media/input/conform',
      'src/media/ring',
      'src/media/sources',
      'src/media/viewers',
    ],
  },
  { at: INTERFACE, imports: [...BYTES, ...PROCESSES] },
  { at: 'src/media/viewers', imports: ['src/lib', 'src/contract', INTERFACE] },
  {
    at: 'src/media/program',
    imports: [
      ...BYTES,
      'src/media/format',
      'src/media/ring',
      'src/media/slate',
      'src/media/switch',
      'src/media/viewers',
      INTERFACE,
    ],
  },
  { at: 'src/media/encode', imports: [...BYTES, ...PROCESSES, INTERFACE] },
  {
    at: 'src/media/packaging/store',
    imports: ['src/lib', 'src/contract', 'src/process'],
  },
  {
    at: 'src/media/packaging/segment',
    imports: [
      ...PACKAGED,
      ...PROCESSES,
      'src/media/encode',
      'src/media/packaging/store',
      INTERFACE,
    ],
  },
  { at: 'src/media/packaging/dash', imports: ['src/contract'], node: [] },
  {
    at: 'src/media/packaging/serve',
    imports: [
      'src/lib',
      'src/contract',
      'src/mp4',
      'src/media/packaging/dash',
      'src/media/packaging/segment',
      'src/media/packaging/store',
    ],
  },
  {
    at: 'src/media/packaging',
    imports: [
      'src/lib',
      'src/contract',
      'src/media/packaging/segment',
      'src/media/packaging/serve',
      'src/media/viewers',
      INTERFACE,
    ],
  },
  {
    at: 'src/media/outputs/audio',
    imports: [...BYTES, ...PROCESSES, 'src/media/viewers', INTERFACE],
  },
  { at: 'src/media/outputs/datagram', imports: ['src/lib', 'src/contract', INTERFACE] },
  { at: 'src/media/outputs/file', imports: ['src/lib', 'src/contract', INTERFACE] },
  {
    at: 'src/media/outputs/icecast',
    imports: ['src/lib', 'src/contract', 'src/ffmpeg', 'src/media/outputs/audio', INTERFACE],
  },
  {
    at: 'src/media/outputs/push',
    imports: [...PACKAGED, ...PROCESSES, 'src/rtmp', 'src/media/encode', INTERFACE],
  },
  {
    at: 'src/media/outputs/record',
    imports: [...PACKAGED, 'src/process', INTERFACE],
  },
  // The list of kinds.
  {
    at: 'src/media/outputs',
    imports: [
      'src/lib',
      'src/contract',
      'src/media/packaging',
      'src/media/outputs/datagram',
      'src/media/outputs/file',
      'src/media/outputs/icecast',
      'src/media/outputs/push',
      'src/media/outputs/record',
      INTERFACE,
    ],
  },
  { at: 'src/media/failover', imports: ['src/lib', 'src/contract'], node: [] },
  {
    at: 'src/media/channel',
    imports: [
      'src/lib',
      'src/contract',
      'src/media/format',
      'src/media/failover',
      'src/media/input',
      'src/media/program',
      'src/media/slate',
      'src/media/viewers',
      INTERFACE,
    ],
  },
  // All channels of a process, with what they share.
  {
    at: 'src/media/host',
    imports: [
      'src/lib',
      'src/contract',
      'src/net',
      ...PROCESSES,
      'src/media/channel',
      'src/media/format',
      'src/media/input',
      'src/media/input/conform',
      'src/media/outputs',
      'src/media/outputs/audio',
      'src/media/slate',
      'src/media/sources',
      INTERFACE,
    ],
  },
  // The control plane. It reaches the data plane through the contract.
  { at: 'src/control/channels', imports: ['src/lib', 'src/contract'], node: [] },
  {
    at: 'src/control/telemetry',
    imports: ['src/lib', 'src/contract'],
    packages: ['pino', 'prom-client'],
  },
  {
    at: 'src/control/api',
    imports: ['src/lib', 'src/contract', 'src/net', 'src/control/api/routes'],
    packages: ['fastify', 'fastify-type-provider-zod', 'zod'],
  },
  {
    at: 'src/control/api/routes',
    imports: ['src/lib', 'src/contract'],
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
