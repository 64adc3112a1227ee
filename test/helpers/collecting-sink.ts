import type { AudioFormat, VideoFormat } from '../../src/contract/format.ts'
import type { AccessUnit, Pid } from '../../src/mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../src/mpegts/demuxer.ts'
import type { SourceSink } from '../../src/media/sources/source-reader.ts'

interface Waiter {
  readonly holds: () => boolean
  readonly resolve: () => void
}

/** Collects a source's units, and lets a test wait for them. */
export class CollectingSink implements SourceSink {
  readonly units: AccessUnit[] = []
  readonly programs: ElementaryProgram[] = []
  readonly formats: { pid: Pid; format: VideoFormat | AudioFormat }[] = []
  /** Number of units before each restart that was announced. */
  readonly restarts: number[] = []
  pcrs = 0
  /** Units until it is full; undefined: never full. */
  credit: number | undefined
  #waiters: Waiter[] = []
  #room: (() => void) | undefined

  program(program: ElementaryProgram): void {
    this.programs.push(program)
    this.#resolveWaiters()
  }

  unit(unit: AccessUnit): void {
    this.units.push(unit)
    if (this.credit !== undefined) this.credit--
    this.#resolveWaiters()
  }

  format(pid: Pid, format: VideoFormat | AudioFormat): void {
    this.formats.push({ pid, format })
  }

  pcr(): void {
    this.pcrs++
  }

  restarted(): void {
    this.restarts.push(this.units.length)
  }

  room(): Promise<void> | undefined {
    if (this.credit === undefined || this.credit > 0) return undefined
    return new Promise((resolve) => (this.#room = resolve))
  }

  setCredit(units: number): void {
    this.credit = units
    const room = this.#room
    this.#room = undefined
    room?.()
  }

  unitsOf(kind: AccessUnit['kind'], from = 0): AccessUnit[] {
    return this.units.slice(from).filter((unit) => unit.kind === kind)
  }

  until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ holds, resolve }))
  }

  /** Checks the conditions again, for those that do not depend on units. */
  #resolveWaiters(): void {
    const met = this.#waiters.filter(({ holds }) => holds())
    if (met.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !met.includes(waiter))
    for (const { resolve } of met) resolve()
  }
}
