// Runs the checks and test suites of this repository and counts them.
//   node tools/run-stages.mjs quick    what `npm run check` runs
//   node tools/run-stages.mjs all      everything; the last line is "N passed, N failed, N skipped"
// A check counts as one, a test suite as its tests. A stage that breaks without naming a failed test counts as one failed.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MINUTE = 60_000
const BIN = 'node_modules/.bin'

const check = (name, command, ...args) => ({ name, command, args, limitMs: 5 * MINUTE })
const suite = (project, limitMs) => ({
  name: `${project} tests`,
  command: `${BIN}/vitest`,
  args: ['run', '--project', project, '--passWithNoTests'],
  reports: true,
  limitMs,
})

const QUICK = [
  check('format', `${BIN}/oxfmt`, '--check'),
  check('lint', `${BIN}/oxlint`),
  check('types', `${BIN}/tsc`, '-p', 'tsconfig.json', '--noEmit'),
  check('dead code', `${BIN}/knip`, '--no-progress'),
  suite('unit', 5 * MINUTE),
]
const ALL = [
  ...QUICK,
  suite('media', 15 * MINUTE),
  suite('integration', 30 * MINUTE),
  suite('e2e', 20 * MINUTE),
]

const scratch = mkdtempSync(join(tmpdir(), 'sluice-test-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

/** Resolves with the exit code, or why there is none. The stage is a process group, and ends as one. */
const run = ({ command, args, limitMs }, extra) =>
  new Promise((resolve) => {
    const child = spawn(command, [...args, ...extra], {
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    })
    const killGroup = () => {
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // Gone already.
      }
    }
    let why
    const timer = setTimeout(() => {
      why = `not finished after ${limitMs / MINUTE} minutes`
      killGroup()
    }, limitMs)
    const stop = () => {
      killGroup()
      process.exit(130)
    }
    process.on('SIGINT', stop).on('SIGTERM', stop)
    const finish = (end) => {
      clearTimeout(timer)
      process.off('SIGINT', stop).off('SIGTERM', stop)
      resolve(why ?? end)
    }
    child.on('error', (error) => finish(error.message))
    child.on('exit', (code, signal) => finish(code ?? `ended by ${signal}`))
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

const runStage = async (stage, index) => {
  console.log(`\n== ${stage.name}`)
  const file = join(scratch, `${index}.json`)
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

const stages = process.argv[2] === 'all' ? ALL : QUICK
const results = []
for (const [index, stage] of stages.entries()) results.push(await runStage(stage, index))

const total = (key) => results.reduce((sum, result) => sum + result[key], 0)
console.log('')
for (const { name, seconds, passed, failed, skipped } of results) {
  const figures = `${passed} passed, ${failed} failed, ${skipped} skipped`
  console.log(`${name.padEnd(18)}${seconds.padStart(7)} s   ${figures}`)
}
for (const note of results.flatMap((result) => result.notes)) console.log(note)
process.exitCode = total('failed') > 0 ? 1 : 0
console.log(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`)
