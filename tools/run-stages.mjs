// Runs the checks and test suites of this repository and counts them.
//   node tools/run-stages.mjs quick    what `npm run check` runs
//   node tools/run-stages.mjs all      everything; the last line is "N passed, N failed, N skipped"
//   node tools/run-stages.mjs long     everything, with the cases that only the long form runs (test/helpers/long-form.ts)
// A check counts as one, a test suite as its tests. A stage that breaks without naming a failed test counts as one failed.
// The stages of one round run at once. What a stage prints is shown when it ends, so that no two mix.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MINUTE = 60_000
const BIN = 'node_modules/.bin'
const form = process.argv[2] ?? 'quick'

const check = (name, command, ...args) => ({ name, command, args, limitMs: 5 * MINUTE })
const suite = (project, limitMs) => ({
  name: `${project} tests`,
  command: `${BIN}/vitest`,
  args: ['run', '--project', project],
  reports: true,
  limitMs: form === 'long' ? 4 * limitMs : limitMs,
})

const QUICK = [
  check('format', `${BIN}/oxfmt`, '--check'),
  check('lint', `${BIN}/oxlint`),
  check('types', `${BIN}/tsc`, '-p', 'tsconfig.json', '--noEmit'),
  check('dead code', `${BIN}/knip`, '--no-progress'),
  suite('unit', 5 * MINUTE),
]
/** Tests in real time have the machine to themselves; those that wait for encoders share it. */
const ROUNDS = [
  QUICK,
  [suite('sockets', 10 * MINUTE)],
  [suite('media', 10 * MINUTE), suite('encoders', 10 * MINUTE)],
  [suite('e2e', 10 * MINUTE)],
]

const scratch = mkdtempSync(join(tmpdir(), 'sluice-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

/** Stages under way; each is a process group, and ends as one. */
const running = new Set()
const killGroup = ({ pid }) => {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}
const stop = () => {
  for (const { child, print } of running) {
    killGroup(child)
    print()
  }
  process.exit(130)
}
process.on('SIGINT', stop).on('SIGTERM', stop)

/** Resolves with the exit code, or why there is none. */
const run = ({ name, command, args, limitMs }, extra) =>
  new Promise((resolve) => {
    const child = spawn(command, [...args, ...extra], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, ...(form === 'long' ? { SLUICE_TEST_FORM: 'long' } : {}) },
    })
    const output = []
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes) => output.push(bytes))
    }
    const print = () => {
      console.log(`\n== ${name}`)
      process.stdout.write(Buffer.concat(output))
    }
    const stage = { child, print }
    running.add(stage)
    let why
    const timer = setTimeout(() => {
      why = `not finished after ${limitMs / MINUTE} minutes`
      killGroup(child)
    }, limitMs)
    const finish = (end) => {
      clearTimeout(timer)
      if (!running.delete(stage)) return
      killGroup(child)
      print()
      resolve(why ?? end)
    }
    child.on('error', (error) => finish(error.message))
    child.on('exit', (code, signal) => {
      // Whoever of the group is left may hold its pipes open.
      const hard = setTimeout(() => finish(code ?? `ended by ${signal}`), 2_000)
      child.on('close', () => {
        clearTimeout(hard)
        finish(code ?? `ended by ${signal}`)
      })
    })
  })

/** What a vitest JSON report says; undefined where there is none. */
const countReport = (file) => {
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
  const count = { passed: 0, failed: 0, skipped: 0, notes: [] }
  for (const { name, status, assertionResults } of report.testResults) {
    if (status === 'failed' && !assertionResults.some((one) => one.status === 'failed')) {
      count.failed++
      count.notes.push(`failed: ${name}`)
    }
    for (const one of assertionResults) {
      if (one.status === 'passed') count.passed++
      else if (one.status === 'failed') {
        count.failed++
        count.notes.push(`failed: ${one.fullName}`)
      } else {
        count.skipped++
        count.notes.push(`skipped: ${one.fullName}`)
      }
    }
  }
  return count
}

const runStage = async (stage) => {
  const file = join(scratch, `${stage.name}.json`)
  const extra = stage.reports
    ? ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    : []
  const start = Date.now()
  const end = await run(stage, extra)
  const seconds = ((Date.now() - start) / 1000).toFixed(1)
  const count = (stage.reports ? countReport(file) : undefined) ?? {
    passed: end === 0 && !stage.reports ? 1 : 0,
    failed: 0,
    skipped: 0,
    notes: [],
  }
  const broke = end !== 0 && count.failed === 0
  if (broke) {
    count.failed++
    count.notes.push(
      `failed: ${stage.name} (${typeof end === 'number' ? `exit code ${end}` : end})`,
    )
  }
  return { ...count, name: stage.name, seconds }
}

const results = []
for (const round of form === 'quick' ? [QUICK] : ROUNDS) {
  console.log(`\nRunning: ${round.map(({ name }) => name).join(', ')} …`)
  results.push(...(await Promise.all(round.map(runStage))))
}

const total = (key) => results.reduce((sum, result) => sum + result[key], 0)
console.log('')
for (const { name, seconds, passed, failed, skipped } of results) {
  const figures = `${passed} passed, ${failed} failed, ${skipped} skipped`
  console.log(`${name.padEnd(18)}${seconds.padStart(7)} s   ${figures}`)
}
for (const note of results.flatMap((result) => result.notes)) console.log(note)
process.exitCode = total('failed') > 0 ? 1 : 0
console.log(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`)
