/**
 * Makes each fault of tools/mutation/fixed.mjs, one at a time, and sees whether the tests that must notice it do. Fails
 * when one does not, or when the code that a fault is made in has gone. Nothing is written below the work tree.
 *
 *     node tools/fixed-mutations.mjs [WORD]
 *
 *   WORD   only those whose description has it
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FIXED_MUTATIONS } from './mutation/fixed.mjs'
import { Runner } from './mutation/runners.mjs'
import { ROOT } from './mutation/scope.mjs'

/** Processor time of one test: past it, a loop has no end. */
const MAX_TEST_CPU_MS = 30_000
const JOBS = 2

const folder = mkdtempSync(join(tmpdir(), 'sluice-mutation-'))
const running = new Set()
process.on('exit', () => {
  for (const runner of running) runner.stop()
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

/** The first test that fails; `undefined` where none does. */
const firstFailure = async (files, tests) => {
  const runner = new Runner({ folder, files })
  running.add(runner)
  const found = await runner.run({ mutant: 0, tests, cpuMs: MAX_TEST_CPU_MS })
  runner.stop()
  running.delete(runner)
  if (found === undefined) return 'the tests did not end'
  if (found.answers.length < tests.length) throw new Error(`no such tests: ${tests.join(', ')}`)
  const failed = found.answers.find(({ failure }) => failure !== undefined)
  return failed?.failure ?? (found.errors > 0 ? 'an error that nobody caught' : undefined)
}

const verdictOf = async ({ file, find, replace, tests }) => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const pieces = text.split(find)
  if (pieces.length !== 2)
    return { kind: 'stale', why: `${file} has it ${pieces.length - 1} times` }
  const by = await firstFailure({ [file]: pieces.join(replace) }, tests)
  return by === undefined ? { kind: 'survived', why: file } : { kind: 'caught', why: by }
}

const word = process.argv[2] ?? ''
const chosen = FIXED_MUTATIONS.filter(({ what }) => what.includes(word))
const all = [...new Set(chosen.flatMap(({ tests }) => tests))]
const sound = await firstFailure({}, all)
if (sound !== undefined) throw new Error(`without any fault: ${sound}`)

const counts = { caught: 0, survived: 0, stale: 0 }
const queue = [...chosen]
const work = async () => {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { kind, why } = await verdictOf(next)
    counts[kind]++
    console.log(`${kind.padEnd(8)}  ${next.what}\n            ${why}`)
  }
}
await Promise.all(Array.from({ length: JOBS }, work))
console.log(`${counts.caught} caught, ${counts.survived} survived, ${counts.stale} stale`)
process.exit(counts.caught === chosen.length ? 0 : 1)
