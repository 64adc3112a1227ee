/**
 * Lip sync by independent means: the program's bytes are demuxed, each coded frame is identified by its hash, and its
 * place on the program's timeline is compared with its source's time.
 */
import { createHash } from 'node:crypto'
import { asBrokenLink } from '../../src/codec/hevc-broken-link.ts'
import type { SourceId } from '../../src/contract/ids.ts'
import type { AccessUnit } from '../../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../../src/mpegts/demuxer.ts'

interface Origin {
  readonly source: SourceId
  readonly pts: number
}

/** Interval of the program with pictures of one source at one offset. */
interface SourceVisit {
  readonly source: SourceId
  readonly offset: number
  first: number
  last: number
  frames: number
}

interface PlacedAudioFrame {
  readonly source: SourceId
  readonly offset: number
  readonly pts: number
  readonly duration: number
}

export interface LipSync {
  /** Greatest distance of an audio frame's offset from its pictures', in ticks. */
  readonly worstTicks: number
  /** The same in audio frames: at most one half. */
  readonly worstFrames: number
  readonly compared: number
  readonly visits: number
  /** Different offsets of pictures between program and source: one, where twins share one timeline. */
  readonly offsets: number
  /** Frames of the program that no source sent (slate, silence, frames that a splice edited). */
  readonly unknown: number
}

export class LipSyncWatch {
  readonly #origins = new Map<string, Origin>()
  readonly #visits: SourceVisit[] = []
  readonly #audioFrames: PlacedAudioFrame[] = []
  readonly #demuxer: TsDemuxer
  #unknown = 0

  constructor() {
    this.#demuxer = new TsDemuxer({
      program: () => {},
      format: () => {},
      unit: (unit) => this.#addProgramUnit(unit),
    })
  }

  /** Records a unit that a source delivered. */
  addSourceUnit(source: SourceId, unit: AccessUnit): void {
    this.#storeOrigin(unit.data, { source, pts: unit.pts })
    // As a splice writes it.
    if (unit.rap === 'cra') {
      this.#storeOrigin(asBrokenLink(unit.data, 'decodable'), { source, pts: unit.pts })
    }
    if (this.#origins.size > 20_000) this.#origins.delete(this.#origins.keys().next().value!)
  }

  #storeOrigin(data: Uint8Array, origin: Origin): void {
    const key = hashOf(data)
    this.#origins.delete(key)
    this.#origins.set(key, origin)
  }

  /** Adds bytes of the program. */
  push(bytes: Uint8Array): void {
    this.#demuxer.push(bytes)
  }

  result(): LipSync {
    let worstTicks = 0
    let worstFrames = 0
    let compared = 0
    let from = 0
    for (const frame of this.#audioFrames) {
      while (from < this.#visits.length && this.#visits[from]!.last < frame.pts - 30 * 90_000)
        from++
      const apart = this.#apartFrom(frame, from)
      if (apart === undefined) continue
      compared++
      worstTicks = Math.max(worstTicks, apart)
      worstFrames = Math.max(worstFrames, apart / frame.duration)
    }
    const offsets = new Set(this.#visits.map(({ offset }) => Math.round(offset))).size
    return {
      worstTicks,
      worstFrames,
      compared,
      visits: this.#visits.length,
      offsets,
      unknown: this.#unknown,
    }
  }

  /** Offset to the pictures presented with the frame: audio at a splice may overlap by a frame. */
  #apartFrom(frame: PlacedAudioFrame, from: number): number | undefined {
    let best: number | undefined
    for (let i = from; i < this.#visits.length; i++) {
      const visit = this.#visits[i]!
      if (visit.first > frame.pts + 2 * frame.duration) break
      const shown = visit.last + 7_200 >= frame.pts
      if (visit.source !== frame.source || !shown) continue
      const apart = Math.abs(frame.offset - visit.offset)
      if (best === undefined || apart < best) best = apart
    }
    return best
  }

  #addProgramUnit(unit: AccessUnit): void {
    const origin = this.#origins.get(hashOf(unit.data))
    if (origin === undefined) {
      this.#unknown++
      return
    }
    const offset = unit.pts - origin.pts
    if (unit.kind === 'audio') {
      this.#audioFrames.push({
        source: origin.source,
        offset,
        pts: unit.pts,
        duration: unit.duration,
      })
      return
    }
    const visit = this.#visits.at(-1)
    if (visit?.source === origin.source && Math.abs(visit.offset - offset) <= 1) {
      visit.first = Math.min(visit.first, unit.pts)
      visit.last = Math.max(visit.last, unit.pts)
      visit.frames++
      return
    }
    this.#visits.push({ source: origin.source, offset, first: unit.pts, last: unit.pts, frames: 1 })
  }
}

const hashOf = (data: Uint8Array): string => createHash('sha1').update(data).digest('base64')
