// A process with vitest in it. It is told { mutant, tests, cpuMs } and answers what the tests say, or that one of them has
// used more processor time than that: then a loop has no end, and only the end of the process ends it. Started with the
// file of a plan: { files: path to text, folder: for what vitest writes } and options of vitest.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createVitest } from 'vitest/node'
import { fromRoot, ROOT } from './scope.mjs'

const WATCH_MS = 250
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const { files, folder, ...plan } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const texts = new Map(Object.entries(files).map(([path, text]) => [join(ROOT, path), text]))

const mutants = {
  name: 'mutants',
  enforce: 'pre',
  load: (id) => {
    const code = texts.get(id.split('?')[0])
    return code === undefined ? undefined : { code, map: null }
  },
}

const usedMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
let lastResultAt = 0
/** Processor time of the longest test of each file. With one worker, nothing else uses any. */
const longestCpu = new Map()

/** Those of this run: what vitest returns has the ones of earlier runs too. */
let ended = []
const reporter = {
  onTestCaseResult: ({ module }) => {
    const now = usedMs()
    const before = longestCpu.get(module.moduleId) ?? 0
    longestCpu.set(module.moduleId, Math.max(before, now - lastResultAt))
    lastResultAt = now
  },
  onTestModuleEnd: (module) => ended.push(module),
}

class AsGiven {
  sort(specifications) {
    return specifications
  }
  shard(specifications) {
    return specifications
  }
}

const vitest = await createVitest(
  'test',
  {
    ...plan,
    root: ROOT,
    config: here('vitest.config.mjs'),
    watch: false,
    reporters: [reporter],
    silent: true,
    // A thread ends with the process that has it, whatever it loops in.
    pool: 'threads',
    maxWorkers: 1,
    isolate: false,
    setupFiles: [here('setup.mjs')],
    sequence: { sequencer: AsGiven },
  },
  { plugins: [mutants], logLevel: 'silent', cacheDir: folder },
)
const specifications = new Map(
  (await vitest.globTestSpecifications()).map((one) => [fromRoot(one.moduleId), one]),
)

const failureOf = (module) => {
  if (module.ok()) return undefined
  const failed = [...module.children.allTests('failed')][0]
  return failed?.fullName ?? module.errors()[0]?.message ?? 'failed'
}

const answerOf = (module) => {
  const tests = [...module.children.allTests()]
  const { duration, collectDuration } = module.diagnostic()
  return {
    path: fromRoot(module.moduleId),
    failure: failureOf(module),
    reached: module.meta().reached,
    ms: collectDuration + duration,
    longestCpuMs: longestCpu.get(module.moduleId) ?? 0,
    longestMs: Math.max(collectDuration, ...tests.map((test) => test.diagnostic()?.duration ?? 0)),
  }
}

/** @param {{ mutant: number | null, tests: readonly string[], cpuMs: number }} message No mutant: records. */
const run = async ({ mutant, tests, cpuMs }) => {
  vitest.provide('mutant', mutant)
  ended = []
  lastResultAt = usedMs()
  // The tests have a thread of their own, so this one can look at the clock.
  const watch = setInterval(() => {
    if (usedMs() - lastResultAt > cpuMs) process.send({ hangs: true, usedMs: usedMs() })
  }, WATCH_MS)
  const chosen = tests.map((path) => specifications.get(path)).filter((one) => one !== undefined)
  const { unhandledErrors } = await vitest.runTestSpecifications(chosen)
  clearInterval(watch)
  process.send({
    answers: ended.map(answerOf),
    errors: unhandledErrors.length,
    usedMs: usedMs(),
  })
}

process.on('message', (message) => void run(message))
process.on('disconnect', () => process.exit())
process.send({ ready: true })
