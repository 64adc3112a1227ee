import type { TakeAnswer, TakeDone, TakeRefusal, TakeRefused } from '../../contract/commands.ts'
import type { SourceId } from '../../contract/ids.ts'
import type { Bus as BusName } from '../../contract/spec.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import type { Bus } from '../switch/bus.ts'
import type { CutMade } from '../switch/bus-parts.ts'
import type { TakePlan } from '../switch/take-planner.ts'

/** The audio follows the picture within its reordering; past this the answer no longer waits for it. */
const SETTLE_MS = 600
const SETTLE_EVERY_MS = 10

interface Waiting {
  readonly plan: TakePlan
  readonly requestedAt: number
  readonly answer: (answer: TakeAnswer) => void
  readonly silence: number
  readonly dropped: number
}

/** Turns plans into answers: what a take did, measured on the program, or why it was not made. */
export class Takes {
  readonly #bus: Bus
  readonly #name: BusName
  readonly #clock: Clock
  readonly #wallTime: () => number
  #waiting: Waiting | undefined

  constructor(options: { bus: Bus; name: BusName; clock: Clock; wallTime: () => number }) {
    this.#bus = options.bus
    this.#name = options.name
    this.#clock = options.clock
    this.#wallTime = options.wallTime
  }

  get pending(): SourceId | undefined {
    return this.#waiting?.plan.source
  }

  /** Resolves when the cut was made or refused. */
  request(plan: TakePlan): Promise<TakeAnswer> {
    this.refuse('superseded', `a newer take (of "${plan.source}") came before its splice point`)
    return new Promise((answer) => {
      const { silenceInserted, audioDropped } = this.#bus.figures
      this.#waiting = {
        plan,
        requestedAt: this.#clock.now(),
        answer,
        silence: silenceInserted,
        dropped: audioDropped,
      }
      this.#bus.plan(plan, 'take')
    })
  }

  /** Ends the pending take, if there is one. */
  refuse(why: TakeRefusal, message: string): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    this.#bus.cancelPlan()
    waiting.answer(refused(this.#name, waiting.plan.source, { why, message }))
  }

  refusedByBus(
    plan: TakePlan,
    refusal: { readonly why: TakeRefusal; readonly message: string },
  ): void {
    if (this.#waiting?.plan.source !== plan.source) return
    const { answer } = this.#waiting
    this.#waiting = undefined
    answer(refused(this.#name, plan.source, refusal))
  }

  executed(plan: TakePlan, made: CutMade): void {
    const waiting = this.#waiting
    if (waiting === undefined || waiting.plan.source !== plan.source) return
    this.#waiting = undefined
    const until = this.#clock.now() + SETTLE_MS
    const timer: Timer = this.#clock.every(SETTLE_EVERY_MS, () => {
      const sound = this.#bus.audio[0]
      if (sound !== undefined && !sound.settled && this.#clock.now() < until) return
      timer.cancel()
      waiting.answer(this.#done(waiting, made))
    })
  }

  #done(waiting: Waiting, made: CutMade): TakeDone {
    const { silenceInserted, audioDropped } = this.#bus.figures
    const ago = this.#clock.now() - made.wallMs
    const note =
      made.executed === waiting.plan.mode
        ? undefined
        : `no random access point was buffered before the play-out point: cut at the next one`
    return {
      ok: true,
      bus: this.#name,
      source: made.to,
      from: made.from,
      mode: waiting.plan.mode,
      executed: made.executed,
      programTime: made.at,
      wallTime: Math.round(this.#wallTime() - ago),
      waitMs: round(made.wallMs - waiting.requestedAt),
      gapMs: round(made.gap / 90),
      avOffsetMs: round((this.#bus.audio[0]?.shift ?? 0) / 90),
      silenceInserted: silenceInserted - waiting.silence,
      audioDropped: audioDropped - waiting.dropped,
      addedDelayMs: round(made.addedDelayMs),
      ...(note === undefined ? {} : { note }),
    }
  }
}

export const refused = (
  bus: BusName,
  source: SourceId,
  refusal: { readonly why: TakeRefusal; readonly message: string },
): TakeRefused => ({ ok: false, bus, source, why: refusal.why, message: refusal.message })

const round = (ms: number): number => Math.round(ms * 10) / 10
