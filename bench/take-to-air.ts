/**
 * Time from the request of a take to the first byte of the new source at a viewer: hot sources, cutover. Then a given rate
 * of takes, all of which must succeed. Run: bin/bench take-to-air [--takes 200] [--rate 10] [--seconds 10]
 */
import { parseArgs } from 'node:util'
import type { TakeAnswer } from '../src/contract/commands.ts'
import type { RunningSluice } from '../test/helpers/running-sluice.ts'
import { pause, percentile, round } from './support/figures.ts'
import { openProgramSocket } from './support/program-socket.ts'
import { withSluice } from './support/sluice.ts'

const FRAME_MS = 40
const SLACK_MS = 10
const SPREAD_MS = 45
const PATIENCE_MS = 2_000
const [SPS_START, SPS_LENGTH] = [Buffer.from([0, 0, 1, 0x67]), 16]

/** Identifies sources by their picture size, in the SPS at each random access point. */
class Watch {
  #tail = Buffer.alloc(0)
  #known = new Map<string, string>()
  #waiting: { readonly mark: string; readonly met: (at: number) => void } | undefined
  #last = ''

  push(piece: Buffer, at: number): void {
    const bytes = Buffer.concat([this.#tail, piece])
    let from = 0
    for (;;) {
      const found = bytes.indexOf(SPS_START, from)
      if (found < 0 || found + SPS_LENGTH > bytes.length) break
      this.#last = bytes.toString('hex', found, found + SPS_LENGTH)
      if (this.#waiting?.mark === this.#last) this.#waiting.met(at)
      from = found + SPS_LENGTH
    }
    // Bytes that may begin here are checked again with the next ones.
    this.#tail = Buffer.from(bytes.subarray(Math.max(from, bytes.length - SPS_LENGTH + 1)))
  }

  /** Assigns the size on the air to a source. */
  learn(source: string): void {
    this.#known.set(source, this.#last)
    if (new Set(this.#known.values()).size < this.#known.size) throw new Error('sources look alike')
  }

  arrival(source: string): Promise<number> {
    const mark = this.#known.get(source)
    if (mark === undefined) throw new Error(`${source} is not known`)
    return new Promise((met) => (this.#waiting = { mark, met }))
  }
}

interface Timed {
  /** Milliseconds from the request to the first byte of the new source. */
  readonly ms: number
  /** Milliseconds from the request to the cut, reported by Sluice. */
  readonly waitMs: number
}

const timed = async (sluice: RunningSluice, watch: Watch, source: string): Promise<Timed> => {
  const arrival = watch.arrival(source)
  const begun = performance.now()
  const answer = sluice.take(source)
  const at = await Promise.race([arrival, pause(PATIENCE_MS)])
  const told = await answer
  if (at === undefined || !told.ok) throw new Error(`take of ${source}: ${JSON.stringify(told)}`)
  return { ms: at - begun, waitMs: told.waitMs }
}

const other = (source: string): string => (source === 'a' ? 'b' : 'a')

const takes = async (sluice: RunningSluice, count: number): Promise<Timed[]> => {
  const watch = new Watch()
  const socket = await openProgramSocket(sluice.address, (piece, at) => watch.push(piece, at))
  for (const source of ['b', 'a']) {
    await sluice.take(source)
    await pause(500)
    watch.learn(source)
  }
  const all: Timed[] = []
  let source = 'a'
  for (let i = 0; i < count; i++) {
    source = other(source)
    all.push(await timed(sluice, watch, source))
    await pause(Math.random() * SPREAD_MS)
  }
  socket.close()
  return all
}

/** Sends takes without waiting for answers, like an impatient operator. */
const burst = async (sluice: RunningSluice, rate: number, seconds: number) => {
  const answers: Promise<TakeAnswer>[] = []
  let source = (await sluice.status()).program.onAir as string
  const begun = performance.now()
  for (let i = 0; i < rate * seconds; i++) {
    await pause(Math.max(0, begun + (i * 1_000) / rate - performance.now()))
    source = other(source)
    answers.push(sluice.take(source))
  }
  const refused = (await Promise.all(answers)).flatMap((answer) => (answer.ok ? [] : [answer.why]))
  return { takes: answers.length, refused }
}

const { values } = parseArgs({
  options: {
    takes: { type: 'string', default: '200' },
    rate: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '10' },
  },
})

const rows: Record<string, object> = {}
for (const bframes of [0, 2]) {
  const look = `rate=25&gop=25&preset=ultrafast&bframes=${bframes}`
  const sources = [`a=test:?size=320x180&${look}`, `b=test:?size=256x144&${look}`]
  const args = ['--conform', 'copy', ...sources.flatMap((source) => ['-s', source])]
  await withSluice(args, async (sluice) => {
    await sluice.ready('a', 'b')
    const measured = await takes(sluice, Number(values.takes))
    const goal = (1 + bframes) * FRAME_MS + SLACK_MS
    for (const [what, of] of [
      ['at the viewer', ({ ms }: Timed) => ms],
      ['at the cut', ({ waitMs }: Timed) => waitMs],
    ] as const) {
      const ms = measured.map(of)
      rows[`${bframes} B-frames, ${what}`] = {
        takes: ms.length,
        'p50 ms': round(percentile(ms, 0.5)),
        'p99 ms': round(percentile(ms, 0.99)),
        'max ms': round(Math.max(...ms)),
        goal: `p99 ≤ ${goal}`,
      }
    }
    const { takes: made, refused } = await burst(
      sluice,
      Number(values.rate),
      Number(values.seconds),
    )
    rows[`${bframes} B-frames, ${values.rate} takes/s`] = {
      takes: made,
      refused: refused.length,
      goal: '0 refused',
    }
    if (refused.length > 0) console.log([...new Set(refused)].join(', '))
  })
}
console.table(rows)
