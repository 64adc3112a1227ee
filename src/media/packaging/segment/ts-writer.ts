/** Segments in transport streams: RFC 8216bis, 3.1.1. PAT and PMT come first; continuity counters run on. */
import { ticksOfMs, type Ticks90k } from '../../../contract/time.ts'
import { TsMuxer, type MuxTrack } from '../../../mpegts/muxer.ts'
import type { Boundary } from './grid.ts'
import { Independence } from './independence.ts'
import type { RenditionSink } from '../store/segment-model.ts'
import { segmentOf, type Picture, type SegmentWriter, type Sound } from './segment-writer.ts'
import { SoundGroups, type SoundGroup } from './sound-groups.ts'
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
/** As the program's own mux has it (play-out.ts). */
const MUX_DELAY_MS = 400
/** A segment is read from its beginning, where the tables stand: within it they are for receivers of broadcasts only. */
const TABLES_MS = 350
/** Bytes are taken out of the mux after so many frames. */
const BATCH = 32
const LANGUAGE = /^[a-z]{3}$/i

interface Muxed {
  readonly track: number
  readonly pts: Ticks90k
  readonly dts: Ticks90k
  readonly entry: boolean
  readonly data: Uint8Array
}

export class TsWriter implements SegmentWriter {
  readonly #sink: RenditionSink
  readonly #mux: TsMuxer
  readonly #merge: TrackMerge<Muxed>
  /** By index in the program. */
  readonly #sounds = new Map<number, SoundGroups>()
  readonly #hasVideo: boolean
  readonly #independence = new Independence()
  #chunks: Uint8Array[] = []
  #inBatch = 0
  #begun: Boundary | undefined
  #first: 'to_come' | 'written' = 'to_come'

  constructor({ sink, video, audio, serviceName }: TsWriterOptions) {
    this.#sink = sink
    this.#hasVideo = video !== undefined
    const tracks: MuxTrack[] = video === undefined ? [] : [{ pid: VIDEO_PID, codec: video }]
    for (const { index, codec, language } of audio) {
      this.#sounds.set(index, new SoundGroups(tracks.length))
      const told = LANGUAGE.test(language) ? { language } : {}
      tracks.push({ pid: AUDIO_PID + index, codec, ...told })
    }
    this.#merge = new TrackMerge(tracks.length)
    this.#mux = new TsMuxer({
      tracks,
      serviceName,
      pmtPid: PMT_PID,
      provider: 'Sluice',
      muxDelay: ticksOfMs(MUX_DELAY_MS),
      psiInterval: ticksOfMs(TABLES_MS),
    })
  }

  begin(boundary: Boundary): void {
    this.#begun = boundary
    this.#first = 'to_come'
    this.#independence.begin()
    // A hole in the times; where the timeline is whole, the decoder's clock runs on.
    if (boundary.end !== undefined && boundary.end !== boundary.start) this.#mux.markDiscontinuity()
  }

  picture({ unit, pts, dts }: Picture): void {
    this.#independence.picture(unit)
    this.#add({ track: 0, pts, dts, entry: unit.entry !== 'none', data: unit.data })
  }

  sound(index: number, sound: Sound): void {
    for (const group of this.#sounds.get(index)?.add(sound) ?? []) this.#addSound(group)
  }

  end(end: Ticks90k): void {
    this.#finishSounds()
    for (const unit of this.#merge.rest()) this.#write(unit)
    this.#flush()
    const boundary = this.#begun!
    const bytes = joined(this.#chunks)
    this.#chunks = []
    this.#sink.begin(segmentOf(boundary))
    this.#sink.end({
      duration: end - boundary.start,
      independent: !this.#hasVideo || this.#independence.verdict,
      bytes,
    })
  }

  abandon(): 'unpublished' {
    this.#finishSounds()
    this.#merge.clear()
    this.#flush()
    this.#chunks = []
    return 'unpublished'
  }

  gap(boundary: Boundary, end: Ticks90k): void {
    this.#sink.gap({ ...segmentOf(boundary), duration: end - boundary.start })
  }

  #finishSounds(): void {
    for (const groups of this.#sounds.values()) {
      for (const group of groups.rest()) this.#addSound(group)
    }
  }

  #addSound({ track, pts, data }: SoundGroup): void {
    this.#add({ track, pts, dts: pts, entry: false, data })
  }

  #add(unit: Muxed): void {
    for (const due of this.#merge.add(unit)) this.#write(due)
  }

  #write(unit: Muxed): void {
    const first = this.#first === 'to_come'
    const entry = unit.entry || (first && !this.#hasVideo)
    // The first track leads: sound that runs ahead at a segment's end must not send the PCR past the next pictures.
    if (unit.track === 0 || first) this.#mux.advance(unit.dts)
    if (first && !entry) this.#mux.tables()
    this.#first = 'written'
    this.#mux.write(entry === unit.entry ? unit : { ...unit, entry })
    if (++this.#inBatch >= BATCH) this.#flush()
  }

  #flush(): void {
    this.#inBatch = 0
    const { bytes } = this.#mux.take()
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
