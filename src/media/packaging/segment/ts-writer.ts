/** Segments in transport streams: RFC 8216bis, 3.1.1. PAT and PMT come first; continuity counters run on. */
import { ticksOfMs, type Ticks90k } from '../../../contract/time.ts'
import { TsMuxer, type MuxTrack } from '../../../mpegts/muxer.ts'
import type { Boundary } from './grid.ts'
import { Independence } from './independence.ts'
import type { RenditionSink } from '../store/segment-model.ts'
import {
  segmentOf,
  type VideoFrame,
  type SegmentWriter,
  type AudioFrame,
} from './segment-writer.ts'
import { PesGrouper, type PesGroup } from './pes-grouper.ts'
import { TrackMerge } from './track-merge.ts'

export interface TsWriterOptions {
  readonly sink: RenditionSink
  readonly video: MuxTrack['codec'] | undefined
  /** The rendition's audio tracks, by their index in the program. */
  readonly audio: readonly {
    readonly index: number
    readonly codec: MuxTrack['codec']
    readonly language: string
  }[]
  readonly serviceName: string
}

const PMT_PID = 0x1000
const VIDEO_PID = 0x100
const AUDIO_PID = 0x110
/** Mux delay of the program's own mux (play-out.ts). */
const MUX_DELAY_MS = 400
/** Table interval: a segment is read from its start, where the tables are; others serve broadcast receivers only. */
const TABLE_INTERVAL_MS = 350
/** Frames after which bytes are taken from the mux. */
const BATCH_FRAMES = 32
const LANGUAGE = /^[a-z]{3}$/i

interface MuxedUnit {
  readonly track: number
  readonly pts: Ticks90k
  readonly dts: Ticks90k
  readonly rap: boolean
  readonly data: Uint8Array
}

export class TsWriter implements SegmentWriter {
  readonly #sink: RenditionSink
  readonly #mux: TsMuxer
  readonly #merge: TrackMerge<MuxedUnit>
  /** By index in the program. */
  readonly #pesGroupers = new Map<number, PesGrouper>()
  readonly #hasVideo: boolean
  readonly #independence = new Independence()
  #chunks: Uint8Array[] = []
  #inBatch = 0
  #boundary: Boundary | undefined
  #first: 'to_come' | 'written' = 'to_come'

  constructor({ sink, video, audio, serviceName }: TsWriterOptions) {
    this.#sink = sink
    this.#hasVideo = video !== undefined
    const tracks: MuxTrack[] = video === undefined ? [] : [{ pid: VIDEO_PID, codec: video }]
    for (const { index, codec, language } of audio) {
      this.#pesGroupers.set(index, new PesGrouper(tracks.length))
      const languageField = LANGUAGE.test(language) ? { language } : {}
      tracks.push({ pid: AUDIO_PID + index, codec, ...languageField })
    }
    this.#merge = new TrackMerge(tracks.length)
    this.#mux = new TsMuxer({
      tracks,
      serviceName,
      pmtPid: PMT_PID,
      provider: 'Sluice',
      muxDelay: ticksOfMs(MUX_DELAY_MS),
      psiInterval: ticksOfMs(TABLE_INTERVAL_MS),
    })
  }

  begin(boundary: Boundary): void {
    this.#boundary = boundary
    this.#first = 'to_come'
    this.#independence.begin()
    // A hole in the times; where the timeline is unbroken, the decoder's clock runs on.
    if (boundary.end !== undefined && boundary.end !== boundary.start) this.#mux.markDiscontinuity()
  }

  video({ unit, pts, dts }: VideoFrame): void {
    this.#independence.addPicture(unit)
    this.#addUnit({ track: 0, pts, dts, rap: unit.rap !== 'none', data: unit.data })
  }

  audio(index: number, frame: AudioFrame): void {
    for (const group of this.#pesGroupers.get(index)?.addFrame(frame) ?? []) this.#addAudio(group)
  }

  end(end: Ticks90k): void {
    this.#flushAudio()
    for (const unit of this.#merge.rest()) this.#write(unit)
    this.#flush()
    const boundary = this.#boundary!
    const bytes = joined(this.#chunks)
    this.#chunks = []
    this.#sink.begin(segmentOf(boundary))
    this.#sink.end({
      duration: end - boundary.start,
      independent: !this.#hasVideo || this.#independence.isIndependent,
      bytes,
    })
  }

  abandon(): 'unpublished' {
    this.#flushAudio()
    this.#merge.clear()
    this.#flush()
    this.#chunks = []
    return 'unpublished'
  }

  gap(boundary: Boundary, end: Ticks90k): void {
    this.#sink.gap({ ...segmentOf(boundary), duration: end - boundary.start })
  }

  #flushAudio(): void {
    for (const groups of this.#pesGroupers.values()) {
      for (const group of groups.rest()) this.#addAudio(group)
    }
  }

  #addAudio({ track, pts, data }: PesGroup): void {
    this.#addUnit({ track, pts, dts: pts, rap: false, data })
  }

  #addUnit(unit: MuxedUnit): void {
    for (const due of this.#merge.addUnit(unit)) this.#write(due)
  }

  #write(unit: MuxedUnit): void {
    const first = this.#first === 'to_come'
    const rap = unit.rap || (first && !this.#hasVideo)
    // The first track leads: audio that runs ahead at a segment's end must not send the PCR past the next pictures.
    if (unit.track === 0 || first) this.#mux.advance(unit.dts)
    if (first && !rap) this.#mux.writeTables()
    this.#first = 'written'
    this.#mux.write(rap === unit.rap ? unit : { ...unit, rap })
    if (++this.#inBatch >= BATCH_FRAMES) this.#flush()
  }

  #flush(): void {
    this.#inBatch = 0
    const { bytes } = this.#mux.takeBatch()
    if (bytes.length > 0) this.#chunks.push(bytes)
  }
}

const joined = (chunks: readonly Uint8Array[]): Uint8Array => {
  if (chunks.length === 1) return chunks[0]!
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
