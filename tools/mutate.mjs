/**
 * Changes the pure code in small ways and sees whether a unit test notices. Prints what none noticed, and the share of
 * noticed changes of each folder.
 *
 *     node tools/mutate.mjs [--files GLOB]... [--max N] [--seed S] [--minutes M] [--jobs N]
 *
 *   --files    files or folders of src; without it, the pure folders (tools/mutation/scope.mjs)
 *   --max      mutants of each folder, chosen by the seed (40)
 *   --seed     another seed, another choice (1)
 *   --minutes  no mutant is begun later (15)
 *   --jobs     processes (2)
 *
 * A mutant meets the tests that reach it, nearest first, until one fails. Nothing is written below the work tree.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { parseArgs } from 'node:util'
import { importGraph } from './mutation/imports.mjs'
import { report } from './mutation/report.mjs'
import { Runner } from './mutation/runners.mjs'
import { sample } from './mutation/sample.mjs'
import { mutatedFiles } from './mutation/scope.mjs'

const MINUTE = 60_000
/** And several times what it usually takes: a test that has no end. */
const HANG_MS = 2_000
const { values } = parseArgs({
  options: {
    files: { type: 'string', multiple: true, default: [] },
    max: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '15' },
    jobs: { type: 'string', default: '2' },
  },
})
const jobs = Number(values.jobs)
const deadline = Date.now() + Number(values.minutes) * MINUTE

const folder = mkdtempSync(join(tmpdir(), 'sluice-mutation-'))
const runners = new Set()
process.on('exit', () => {
  for (const runner of runners) runner.stop()
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

const start = (plan) => {
  const runner = new Runner({ folder, files: Object.fromEntries(texts), ...plan })
  runners.add(runner)
  return runner
}

/** All tests without a mutant: how long they take, what they and the loading of modules reach. */
const record = async (tests) => {
  const runner = start({})
  const answer = await runner.run({ mutant: null, tests, cpuMs: MINUTE })
  if (answer === undefined) throw new Error('the tests did not end')
  runner.stop()
  for (const { path, failure } of answer.answers) {
    if (failure !== undefined) console.log(`left out, it fails as it is: ${path} (${failure})`)
  }
  return {
    recorded: answer.answers.filter(({ failure }) => failure === undefined),
    whenLoaded: new Set(answer.answers.flatMap(({ reached }) => reached?.loaded ?? [])),
  }
}

const paths = mutatedFiles(values.files)
if (paths.length === 0) {
  console.error(`no file of src is ${values.files.join(' or ')}`)
  process.exit(2)
}
const { mutants, texts, sites } = sample(paths, { max: Number(values.max), seed: values.seed })
const testsOf = importGraph()
const related = new Map([...texts.keys()].map((path) => [path, testsOf(path)]))
const began = Date.now()
const { recorded, whenLoaded } = await record(
  [...new Set([...related.values()].flatMap((tests) => [...tests]))].sort(),
)
const longestMs = Math.max(...recorded.map((test) => test.longestMs))
const recordMs = Date.now() - began

const nearestFirst = (path) => (a, b) => {
  const far = (test) => (posix.dirname(test.path) === posix.dirname(path) ? 0 : 1)
  return far(a) - far(b) || a.ms - b.ms
}
/** Modules are loaded once for all tests: what loading reaches is a matter of each test that loads it. */
const reaching = ({ id, path }) =>
  recorded
    .filter((test) =>
      whenLoaded.has(id) ? related.get(path).has(test.path) : test.reached?.tested.includes(id),
    )
    .sort(nearestFirst(path))

const judge = async (runner, mutant) => {
  const tests = reaching(mutant)
  if (tests.length === 0) return 'untested'
  const longestCpuMs = Math.max(...tests.map((test) => test.longestCpuMs))
  const answer = await runner.run({
    mutant: mutant.id,
    tests: tests.map((test) => test.path),
    cpuMs: HANG_MS + 4 * longestCpuMs,
  })
  if (answer === undefined) return 'hung'
  const isNoticed = answer.errors > 0 || answer.answers.some((test) => test.failure !== undefined)
  return isNoticed ? 'killed' : 'survived'
}

const results = []
const queue = mutants.values()
const work = async () => {
  const runner = start({ bail: 1, testTimeout: Math.round(HANG_MS + 5 * longestMs) })
  for (const mutant of queue) {
    if (Date.now() > deadline) break
    results.push({ ...mutant, end: await judge(runner, mutant) })
    if (process.stderr.isTTY) process.stderr.write(`\r${results.length} of ${mutants.length} `)
  }
  runner.stop()
}
await Promise.all(Array.from({ length: jobs }, work))

if (process.stderr.isTTY) process.stderr.write('\r')
console.log(report(results, sites))
const cpuMs = [...runners].reduce((sum, runner) => sum + runner.cpuMs, 0)
const seconds = (ms) => `${(ms / 1000).toFixed(0)} s`
console.log(
  `\n${results.length} of ${mutants.length} mutants in ${seconds(Date.now() - began)}, ${seconds(cpuMs)} of CPU;` +
    ` ${recorded.length} test files, without a mutant ${seconds(recordMs)}`,
)
process.exit()
