import type { AccessUnit } from '../../mpegts/access-unit.ts'
import { LiveEdge } from './live-edge.ts'
import type { Playable } from './playable.ts'
import { PresentationOrder } from '../../mpegts/presentation-order.ts'
import { type BufferedUnit, UnitQueue } from './unit-queue.ts'

/** Audio kept from before the oldest picture kept: a splice may need what precedes its random access point. */
const AUDIO_LEAD_TICKS = 45_000

export interface TimelineSegmentOptions {
  readonly hasVideo: boolean
  readonly hasAudio: readonly boolean[]
  /** Accept H.264 recovery points as random access points (an option of the source). */
  readonly recoveryPoints: boolean
}

/** An unbroken part of a source's timeline: from a (re)start or a jump of its timestamps to the next. */
export class TimelineSegment implements Playable {
  readonly hasVideo: boolean
  readonly hasAudio: readonly boolean[]
  readonly edge = new LiveEdge()
  readonly #videoUnits = new UnitQueue()
  readonly #audioUnits: UnitQueue[]
  readonly #raps: number[] = []
  readonly #order = new PresentationOrder()
  readonly #recoveryPoints: boolean
  #cleanEnd = 0
  #closed = false
  #gopTicks = 0
  #newestRapPts = Number.NaN
  #newestRapArrival: number | undefined
  #lastDts = Number.NaN
  #readTo = 0

  constructor(options: TimelineSegmentOptions) {
    this.hasVideo = options.hasVideo
    this.hasAudio = options.hasAudio
    this.#recoveryPoints = options.recoveryPoints
    this.#audioUnits = options.hasAudio.map(() => new UnitQueue())
  }

  get closed(): boolean {
    return this.#closed
  }

  get frameTicks(): number {
    if (this.hasVideo) return this.#order.frameTicks
    return this.#audioUnits[0]?.last()?.unit.duration ?? 0
  }

  get cleanEnd(): number {
    return this.#cleanEnd
  }

  get videoEnd(): number {
    return this.#videoUnits.end
  }

  get bytes(): number {
    return this.#audioUnits.reduce((sum, queue) => sum + queue.bytes, this.#videoUnits.bytes)
  }

  /** Distance of the last two random access points in ticks, 0 before the second. */
  get gopTicks(): number {
    return this.#gopTicks
  }

  get newestRapArrival(): number | undefined {
    return this.#newestRapArrival
  }

  get empty(): boolean {
    return this.#videoUnits.size === 0 && this.#audioUnits.every((queue) => queue.size === 0)
  }

  /** DTS of the newest unit of the leading track, NaN before the first. */
  get newestDts(): number {
    return this.#lastDts
  }

  /** Media held, in ticks, on the leading track. */
  get heldTicks(): number {
    const queue = this.#leadingQueue()
    const first = queue?.first()
    const last = queue?.last()
    return first === undefined || last === undefined ? 0 : last.unit.dts - first.unit.dts
  }

  /** Media held on the leading track from unit `index` on, in ticks; 0 where there is none. */
  ticksFrom(index: number | undefined): number {
    const queue = this.#leadingQueue()
    const from = index === undefined ? undefined : queue?.at(Math.max(index, queue.start))
    const last = queue?.last()
    return from === undefined || last === undefined ? 0 : last.unit.dts - from.unit.dts
  }

  video(index: number): BufferedUnit | undefined {
    return this.#videoUnits.at(index)
  }

  audio(track: number, index: number): BufferedUnit | undefined {
    return this.#audioUnits[track]?.at(index)
  }

  audioStart(track: number): number {
    return this.#audioUnits[track]?.start ?? 0
  }

  audioEnd(track: number): number | undefined {
    const last = this.#audioUnits[track]?.last()?.unit
    return last === undefined ? undefined : last.pts + last.duration
  }

  videoStart(): number {
    return this.#videoUnits.start
  }

  /** Returns false for a picture before the first random access point: it is not decodable and not kept. */
  addVideo(unit: AccessUnit, arrival: number): boolean {
    this.edge.addArrival(unit.dts, arrival)
    this.#lastDts = unit.dts
    const isRap = unit.rap !== 'none' && (unit.rap !== 'recovery_point' || this.#recoveryPoints)
    if (!isRap && this.#videoUnits.end === 0) return false
    const proof = this.#order.addPicture(unit.pts, unit.dts)
    if (proof.provesEarlier) this.#markClean(this.#videoUnits.end)
    const index = this.#videoUnits.push({ unit, arrival, cleanAfter: false })
    if (isRap) this.#addRap(index, unit.pts, arrival)
    if (proof.complete) this.#markClean(index + 1)
    return true
  }

  addAudio(track: number, unit: AccessUnit, arrival: number): void {
    this.#audioUnits[track]?.push({ unit, arrival, cleanAfter: true })
    if (track !== 0 || this.hasVideo) return
    this.edge.addArrival(unit.dts, arrival)
    this.#lastDts = unit.dts
  }

  /** The source ended or jumped: no unit will be added. Pictures behind a hole are not played. */
  close(): void {
    this.#closed = true
  }

  rapAtOrBefore(pts: number): number | undefined {
    if (!this.hasVideo) return this.#findAudioRap((unit) => unit.pts <= pts, 'last')
    for (let i = this.#raps.length - 1; i >= 0; i--) {
      const index = this.#raps[i]!
      if (this.#videoUnits.at(index)!.unit.pts <= pts) return index
    }
    return undefined
  }

  rapAfter(pts: number): number | undefined {
    if (!this.hasVideo) return this.#findAudioRap((unit) => unit.pts > pts, 'first')
    return this.#raps.find((index) => this.#videoUnits.at(index)!.unit.pts > pts)
  }

  markRead(track: 'video' | number, next: number): void {
    if (track === (this.hasVideo ? 'video' : 0)) this.#readTo = Math.max(this.#readTo, next)
  }

  /** Position of a source that is paced by us: its oldest random access point not played yet. */
  firstUnplayedRap(): number | undefined {
    if (this.hasVideo) return this.#raps.find((index) => index >= this.#readTo)
    const queue = this.#audioUnits[0]
    const index = Math.max(this.#readTo, queue?.start ?? 0)
    return queue?.at(index) === undefined ? undefined : index
  }

  /** Paced by us: nothing left that could be entered, and nothing will come. */
  get exhausted(): boolean {
    return this.#closed && this.firstUnplayedRap() === undefined
  }

  rapIndices(): readonly number[] {
    return this.#raps
  }

  /** Drops what precedes the picture (audio-only: frame) `index`: a reader's position or a random access point. */
  dropBefore(index: number): void {
    if (!this.hasVideo) {
      this.#audioUnits[0]?.dropBefore(index)
      const from = this.#audioUnits[0]?.first()?.unit.pts
      if (from !== undefined) for (const queue of this.#audioUnits.slice(1)) dropOlder(queue, from)
      return
    }
    this.#videoUnits.dropBefore(index)
    while (this.#raps.length > 0 && this.#raps[0]! < this.#videoUnits.start) this.#raps.shift()
  }

  /** Drops audio before `pts`, less what a splice may need. */
  dropAudioBefore(track: number, pts: number): void {
    const queue = this.#audioUnits[track]
    if (queue !== undefined) dropOlder(queue, pts - AUDIO_LEAD_TICKS)
  }

  #leadingQueue(): UnitQueue | undefined {
    return this.hasVideo ? this.#videoUnits : this.#audioUnits[0]
  }

  #markClean(end: number): void {
    if (end <= this.#cleanEnd) return
    const last = this.#videoUnits.at(end - 1)
    if (last !== undefined) last.cleanAfter = true
    this.#cleanEnd = end
  }

  #addRap(index: number, pts: number, arrival: number): void {
    if (!Number.isNaN(this.#newestRapPts)) this.#gopTicks = pts - this.#newestRapPts
    this.#newestRapPts = pts
    this.#newestRapArrival = arrival
    this.#raps.push(index)
  }

  #findAudioRap(
    wanted: (unit: AccessUnit) => boolean,
    which: 'first' | 'last',
  ): number | undefined {
    const queue = this.#audioUnits[0]
    if (queue === undefined) return undefined
    if (which === 'first') {
      const index = queue.findIndex(queue.start, (item) => wanted(item.unit))
      return index === queue.end ? undefined : index
    }
    for (let i = queue.end - 1; i >= queue.start; i--) if (wanted(queue.at(i)!.unit)) return i
    return undefined
  }
}

const dropOlder = (queue: UnitQueue, pts: number): void => {
  queue.dropBefore(queue.findIndex(queue.start, (item) => item.unit.pts >= pts))
}
