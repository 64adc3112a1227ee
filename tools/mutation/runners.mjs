// Runners as processes: each does one thing at a time, and is replaced when it hangs.
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const RUNNER = fileURLToPath(new URL('runner.mjs', import.meta.url))
const MINUTE = 60_000
/** However busy the machine is. */
const ANSWER_MS = 10 * MINUTE
/** A mutant that allocates for ever ends its process before the machine suffers. */
const HEAP = '--max-old-space-size=1024'

let plans = 0

const answer = (child, limitMs) =>
  new Promise((resolve) => {
    const finish = (message) => {
      clearTimeout(timer)
      child.off('message', finish).off('exit', gone)
      resolve(message)
    }
    const gone = () => finish(undefined)
    const timer = setTimeout(gone, limitMs)
    child.on('message', finish).on('exit', gone)
  })

export class Runner {
  #file
  #child
  #usedMs = 0
  /** Processor time of the processes that have ended. */
  cpuMs = 0

  /** @param {{ folder: string, files: Record<string, string> }} plan With options of vitest. */
  constructor(plan) {
    this.#file = join(plan.folder, `plan-${plans++}.json`)
    writeFileSync(this.#file, JSON.stringify(plan))
  }

  async #start() {
    const child = fork(RUNNER, [this.#file], {
      execArgv: [HEAP],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    let complaint = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      complaint = (complaint + text).slice(-2_000)
    })
    if ((await answer(child, MINUTE)) === undefined) throw new Error(`no test runner: ${complaint}`)
  }

  /**
   * What the tests say; undefined when they hang, or end the process.
   * @param {{ mutant: number | null, tests: readonly string[], cpuMs: number }} message
   */
  async run(message) {
    if (this.#child === undefined) await this.#start()
    this.#child.send(message)
    const found = await answer(this.#child, ANSWER_MS)
    this.#usedMs = found?.usedMs ?? this.#usedMs
    if (found !== undefined && !found.hangs) return found
    this.stop()
    return undefined
  }

  stop() {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
    this.cpuMs += this.#usedMs
    this.#usedMs = 0
  }
}
