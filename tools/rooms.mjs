/**
 * Prints the plan of the house: which folder imports which, on how many floors, and whatever points upward.
 *
 *     node tools/rooms.mjs [FOLDER] [--root DIR] [--arrows]
 *
 * A room is a folder with source files of its own. Its floor is one above the highest room that it imports. An upward
 * arrow is one that closes a circle between rooms. Circles of files count imports of types too, which vanish when the
 * code is built. Exit code 1 when there is an upward arrow or a circle.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    root: { type: 'string', default: '.' },
    arrows: { type: 'boolean', default: false },
  },
})
const top = positionals[0] ?? 'src'

const files = readdirSync(join(values.root, 'src'), { recursive: true })
  .map((name) => posix.join('src', String(name).replaceAll('\\', '/')))
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))

const FROM = /\bfrom\s+'(\.[^']+)'|\bimport\(\s*'(\.[^']+)'\s*\)|^import\s+'(\.[^']+)'/gm

/** @type {Map<string, Set<string>>} File to the files it imports. */
const imports = new Map()
for (const file of files) {
  const text = readFileSync(join(values.root, file), 'utf8')
  const targets = [...text.matchAll(FROM)].map(([, a, b, c]) =>
    posix.join(posix.dirname(file), a ?? b ?? c),
  )
  imports.set(file, new Set(targets.filter((target) => files.includes(target))))
}

/** @param {string} file */
const roomOf = (file) => posix.dirname(file)
const within = (/** @type {string} */ room) => room === top || room.startsWith(`${top}/`)

/** @type {Map<string, Set<string>>} */
const rooms = new Map()
for (const [file, targets] of imports) {
  if (!within(roomOf(file))) continue
  const arrows = rooms.get(roomOf(file)) ?? new Set()
  rooms.set(roomOf(file), arrows)
  for (const target of targets) {
    const room = roomOf(target)
    if (room !== roomOf(file) && within(room)) arrows.add(room)
  }
}

/**
 * Tarjan's strongly connected components, those of what is imported first.
 * @param {Map<string, Set<string>>} graph
 */
const components = (graph) => {
  /** @type {Map<string, { index: number, low: number, onStack: boolean }>} */
  const seen = new Map()
  /** @type {string[]} */
  const stack = []
  /** @type {string[][]} */
  const found = []
  const visit = (/** @type {string} */ name) => {
    const node = { index: seen.size, low: seen.size, onStack: true }
    seen.set(name, node)
    stack.push(name)
    for (const next of graph.get(name) ?? []) {
      const other = seen.get(next)
      if (other === undefined) node.low = Math.min(node.low, visit(next).low)
      else if (other.onStack) node.low = Math.min(node.low, other.index)
    }
    if (node.low === node.index) {
      const members = stack.splice(stack.indexOf(name))
      for (const member of members) seen.get(member).onStack = false
      found.push(members)
    }
    return node
  }
  for (const name of graph.keys()) if (!seen.has(name)) visit(name)
  return found
}

/** @type {Map<string, number>} */
const floors = new Map()
const roomCircles = []
for (const members of components(rooms)) {
  if (members.length > 1) roomCircles.push(members)
  const below = members.flatMap((room) => [...rooms.get(room)]).map((room) => floors.get(room) ?? 0)
  for (const room of members) floors.set(room, Math.max(0, ...below) + 1)
}
const upward = [...rooms].flatMap(([room, arrows]) =>
  [...arrows]
    .filter((other) => roomCircles.some((c) => c.includes(room) && c.includes(other)))
    .map((other) => `${room} -> ${other}`),
)
const fileCircles = components(imports).filter(
  (members) => members.length > 1 && members.some((file) => within(roomOf(file))),
)

const count = [...rooms.values()].reduce((sum, arrows) => sum + arrows.size, 0)
const highest = Math.max(...floors.values())
for (let floor = highest; floor > 0; floor--) {
  const here = [...floors].filter(([, at]) => at === floor).map(([room]) => room)
  console.log(`${String(floor).padStart(2)}  ${here.toSorted().join('  ')}`)
}
if (values.arrows) {
  for (const [room, arrows] of rooms) console.log(`${room} -> ${[...arrows].toSorted().join(' ')}`)
}
for (const arrow of upward) console.log(`upward: ${arrow}`)
for (const members of fileCircles) console.log(`circle: ${members.join(' <-> ')}`)
console.log(
  `${top}: ${rooms.size} rooms, ${highest} floors, ${count} arrows, ` +
    `${upward.length} in circles of rooms, ${fileCircles.length} circles of files`,
)
process.exitCode = upward.length + fileCircles.length > 0 ? 1 : 0
