/** PES packets of a video track to access units: one picture each, with its times. */
import type { VideoCodec, VideoFormat } from '../contract/format.ts'
import { TICKS_PER_SECOND, ticks } from '../contract/time.ts'
import { createVideoInspector } from '../codec/video-inspector.ts'
import type { VideoInspector } from '../codec/video-inspection.ts'
import type { AccessUnit, Pid } from './access-unit.ts'
import type { DemuxTally } from './demux-counters.ts'
import { MAX_PES_BYTES, type Pes, type PesListener } from './pes-assembler.ts'
import type { Unwrapper } from './timestamps.ts'

/** A PES packet near the 16-bit limit may be one of several that carry one picture. */
const NEARLY_FULL_PES_BYTES = 60_000
/** The same holds for the first ones of a track, until its layout is established. */
const LAYOUT_PES_COUNT = 8
/** PES packets that are searched for further pictures, at first and whenever their distance grows. */
const SEARCHED_PES_COUNT = 32
const FALLBACK_FRAME_TICKS = 3600

export interface TrackSink {
  unit(unit: AccessUnit): void
  format(pid: Pid, format: VideoFormat): void
}

export interface TrackContext<Sink> {
  readonly pid: Pid
  readonly sink: Sink
  readonly tally: DemuxTally
  readonly clock: Unwrapper
}

interface Pending {
  readonly parts: Uint8Array[]
  size: number
  /** Unwrapped; undefined where the PES carries no PTS. */
  readonly pts: number | undefined
  readonly dts: number | undefined
}

export class VideoTrack implements PesListener {
  readonly #context: TrackContext<TrackSink>
  readonly #inspector: VideoInspector
  #format: VideoFormat | undefined
  /** Held back: the next PES may carry the rest of the picture. */
  #pending: Pending | undefined
  #layout: 'unknown' | 'whole' | 'spread' = 'unknown'
  #pesSeen = 0
  #pesToSearch = SEARCHED_PES_COUNT
  #severalPerPes: 'no' | 'yes' = 'no'
  #lastDts: number | undefined
  #stepTicks = 0

  constructor(codec: VideoCodec, context: TrackContext<TrackSink>) {
    this.#context = context
    this.#inspector = createVideoInspector(codec)
  }

  pes(pes: Pes): void {
    const { clock } = this.#context
    const { header, payload } = pes
    const dts33 = header.dts ?? header.pts
    const dts = dts33 === undefined ? undefined : clock.unwrap(dts33)
    const pts = header.pts === undefined ? undefined : clock.unwrap(header.pts)
    const starts = this.#inspector.startsAccessUnit(payload)
    if (this.#continues({ pts, starts })) {
      this.#appendToPending(payload)
      return
    }
    if (!starts) {
      this.#startWithin(payload, { pts, dts })
      return
    }
    this.#emitPending()
    this.#pending = { parts: [payload], size: payload.length, pts, dts }
    if (!this.#mayContinue(pes)) this.#emitPending()
  }

  lost(): void {
    if (this.#pending === undefined) return
    if (this.#layout === 'spread') this.#dropPending()
    else this.#emitPending()
  }

  /** End of stream: what is held back is complete. */
  flush(): void {
    this.#emitPending()
  }

  #continues(pes: { readonly pts: number | undefined; readonly starts: boolean }): boolean {
    return pes.pts === undefined && (!pes.starts || this.#pending !== undefined)
  }

  #appendToPending(payload: Uint8Array): void {
    this.#layout = 'spread'
    const pending = this.#pending
    if (pending === undefined) {
      this.#context.tally.damagedUnits++
      return
    }
    pending.parts.push(payload)
    pending.size += payload.length
    if (pending.size <= MAX_PES_BYTES) return
    this.#pending = undefined
    this.#context.tally.oversizedPes++
  }

  /** The end of the picture before comes first; the time stamps belong to the first picture that begins here (2.4.3.7). */
  #startWithin(payload: Uint8Array, times: Pick<Pending, 'pts' | 'dts'>): void {
    this.#layout = 'spread'
    const first = this.#inspector.splitAccessUnits(payload)[0]
    const pending = this.#pending
    if (pending !== undefined) {
      pending.parts.push(payload.subarray(0, first ?? payload.length))
      pending.size += first ?? payload.length
    }
    if (first === undefined) {
      if (pending === undefined || pending.size > MAX_PES_BYTES) this.#dropPending()
      return
    }
    if (pending === undefined) this.#context.tally.damagedUnits++
    this.#emitPending()
    const rest = payload.subarray(first)
    this.#pending = { parts: [rest], size: rest.length, ...times }
  }

  #dropPending(): void {
    this.#pending = undefined
    this.#context.tally.damagedUnits++
  }

  #mayContinue(pes: Pes): boolean {
    if (this.#pesSeen++ > LAYOUT_PES_COUNT && this.#layout === 'unknown') this.#layout = 'whole'
    if (this.#layout === 'spread') return true
    return pes.bounded && (this.#layout === 'unknown' || pes.payload.length > NEARLY_FULL_PES_BYTES)
  }

  #emitPending(): void {
    const pending = this.#pending
    if (pending === undefined) return
    this.#pending = undefined
    const dts = pending.dts ?? this.#nextDts()
    if (dts === undefined) {
      this.#context.tally.damagedUnits++
      return
    }
    const pts = pending.pts ?? dts
    this.#updateStep(dts)
    const bytes = pending.parts.length === 1 ? pending.parts[0]! : Buffer.concat(pending.parts)
    if (pending.parts.length === 1 && this.#pesToSearch <= 0 && this.#severalPerPes === 'no') {
      this.#emit(bytes, pts, dts)
      return
    }
    this.#pesToSearch--
    this.#emitEach(bytes, pts, dts)
  }

  #emitEach(bytes: Uint8Array, pts: number, dts: number): void {
    const starts = this.#inspector.splitAccessUnits(bytes)
    if (starts.length === 0) {
      this.#context.tally.damagedUnits++
      return
    }
    if (starts.length === 1) {
      this.#emit(bytes, pts, dts)
      return
    }
    this.#severalPerPes = 'yes'
    for (const [k, start] of starts.entries()) {
      const from = k === 0 ? 0 : start
      const offset = Math.round(k * this.#frameTicks())
      this.#emit(bytes.subarray(from, starts[k + 1] ?? bytes.length), pts + offset, dts + offset)
    }
  }

  #emit(bytes: Uint8Array, pts: number, dts: number): void {
    const { pid, sink } = this.#context
    const found = this.#inspector.inspect(bytes)
    if (found.format !== undefined && found.format !== this.#format) {
      this.#format = found.format
      sink.format(pid, found.format)
    }
    this.#lastDts = dts
    sink.unit({
      pid,
      kind: 'video',
      pts: ticks(pts),
      dts: ticks(Math.min(pts, dts)),
      rap: found.rap,
      leading: found.leading,
      duration: 0,
      data: found.data,
    })
  }

  /** A growing distance between PES packets may mean that they carry more pictures than they did. */
  #updateStep(dts: number): void {
    if (this.#lastDts === undefined) return
    const step = dts - this.#lastDts
    if (step <= 0) return
    if (this.#stepTicks > 0 && step > 1.5 * this.#stepTicks) this.#pesToSearch = SEARCHED_PES_COUNT
    this.#stepTicks = step
  }

  #nextDts(): number | undefined {
    return this.#lastDts === undefined ? undefined : this.#lastDts + Math.round(this.#frameTicks())
  }

  #frameTicks(): number {
    const rate = this.#format?.frameRate
    if (rate !== undefined) return (TICKS_PER_SECOND * rate.den) / rate.num
    return this.#stepTicks > 0 && this.#severalPerPes === 'no'
      ? this.#stepTicks
      : FALLBACK_FRAME_TICKS
  }
}
