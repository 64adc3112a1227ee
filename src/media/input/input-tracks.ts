import { isVideoCodec, type AudioFormat, type VideoFormat } from '../../contract/format.ts'
import type { SourceSpec } from '../../contract/spec.ts'
import { RateMeter } from '../../lib/rate-meter.ts'
import type { AccessUnit, Pid } from '../../mpegts/access-unit.ts'
import type { ElementaryProgram } from '../../mpegts/demuxer.ts'
import type { ProgramFormat } from '../format/program-format.ts'
import type { SourceTracks } from './conform/conform-plan.ts'
import { RapDistanceMonitor } from './rap-distance.ts'
import { chooseTracks, NO_TRACKS, type ChosenTracks } from './track-choice.ts'

/** An announced track without units for this long, while another runs, is treated as missing. */
const MAX_ANNOUNCED_WAIT_MS = 3_000

export interface WatchedTrack {
  readonly kind: 'video' | 'audio'
  /** Monotonic arrival of the newest unit; undefined before the first of this run. */
  readonly lastAt: number | undefined
}

/** Tracks of a source: announced and chosen ones, their formats, and the arrival of their newest units. */
export class InputTracks {
  readonly rapDistance = new RapDistanceMonitor()
  readonly #formats = new Map<Pid, VideoFormat | AudioFormat>()
  readonly #lastAt = new Map<Pid, number>()
  readonly #rates = new Map<Pid, RateMeter>()
  #program: ElementaryProgram | undefined
  #chosen: ChosenTracks = NO_TRACKS
  readonly #absent = new Set<Pid>()
  #arrivingSince: number | undefined

  get program(): ElementaryProgram | undefined {
    return this.#program
  }

  get chosen(): ChosenTracks {
    return this.#chosen
  }

  /** PID of the track that the buffer's time follows. */
  get leading(): Pid | undefined {
    return this.#chosen.video ?? this.#chosen.audio.find((pid) => pid !== undefined)
  }

  formatOf(pid: Pid): VideoFormat | AudioFormat | undefined {
    return this.#formats.get(pid)
  }

  /** Bits per second; 0 for a track without units. */
  bitrateOf(pid: Pid, now: number): number {
    return this.#rates.get(pid)?.bitrate(now) ?? 0
  }

  lastAt(pid: Pid): number | undefined {
    return this.#lastAt.get(pid)
  }

  isChosen(pid: Pid): boolean {
    return pid === this.#chosen.video || this.#chosen.audio.includes(pid)
  }

  setProgram(program: ElementaryProgram): void {
    this.#program = program
    this.#absent.clear()
    this.#arrivingSince = undefined
  }

  /** Chooses the tracks to play; true when the choice changed. Without a channel format: all that there are. */
  updateChoice(spec: SourceSpec, format: ProgramFormat | undefined): boolean {
    if (this.#program === undefined) return false
    const languages = format?.audio === undefined ? [] : format.languages
    const tracks = this.#program.tracks.filter((track) => !this.#absent.has(track.pid))
    const present = { ...this.#program, tracks }
    const found = chooseTracks(present, spec, format === undefined ? undefined : languages)
    const withoutVideo = format !== undefined && format.video === undefined
    const chosen = withoutVideo ? { ...found, video: undefined } : found
    if (JSON.stringify(chosen) === JSON.stringify(this.#chosen)) return false
    this.#chosen = chosen
    return true
  }

  /** True when the track was treated as missing: the choice may change. */
  setFormat(pid: Pid, format: VideoFormat | AudioFormat): boolean {
    this.#formats.set(pid, format)
    return this.#absent.delete(pid)
  }

  /** Treats announced tracks without units as missing; true when there were such. Silence or the slate replaces them. */
  dropSilentTracks(now: number): boolean {
    if (this.#arrivingSince === undefined || now - this.#arrivingSince < MAX_ANNOUNCED_WAIT_MS) {
      return false
    }
    const { video, audio } = this.#chosen
    const silent = [video, ...audio].filter(
      (pid) => pid !== undefined && !this.#formats.has(pid) && !this.#absent.has(pid),
    )
    for (const pid of silent) if (pid !== undefined) this.#absent.add(pid)
    return silent.length > 0
  }

  countBytes(unit: AccessUnit, now: number): void {
    const rate = this.#rates.get(unit.pid) ?? new RateMeter(now)
    this.#rates.set(unit.pid, rate)
    rate.addBytes(unit.data.length, now)
  }

  /** A unit of a chosen track came. `first`: nothing had come in this run before. */
  onArrival(pid: Pid, now: number): { readonly first: boolean } {
    const first = this.#lastAt.size === 0
    this.#arrivingSince ??= now
    this.#lastAt.set(pid, now)
    return { first }
  }

  /** The reader's run is over. */
  onRunEnded(): void {
    this.#lastAt.clear()
    this.#arrivingSince = undefined
    this.rapDistance.restart()
  }

  /** The chosen tracks with their formats; undefined while one of them is not known. */
  tracksWithFormats(): SourceTracks | undefined {
    const audio: SourceTracks['audio'][number][] = []
    for (const pid of new Set(this.#chosen.audio)) {
      if (pid === undefined) continue
      const format = this.#formats.get(pid)
      if (format === undefined || !isAudioFormat(format)) return undefined
      const language = this.#program?.tracks.find((track) => track.pid === pid)?.language
      audio.push({ pid, format, ...(language === undefined ? {} : { language }) })
    }
    const { video } = this.#chosen
    if (video === undefined) return { audio }
    const format = this.#formats.get(video)
    if (format === undefined || isAudioFormat(format)) return undefined
    return { video: { pid: video, format }, audio }
  }

  watchedTracks(): WatchedTrack[] {
    const { video, audio } = this.#chosen
    const audioPids = audio.filter((pid) => pid !== undefined)
    const videoPids = video === undefined ? [] : [{ kind: 'video' as const, pid: video }]
    return [...videoPids, ...audioPids.map((pid) => ({ kind: 'audio' as const, pid }))].map(
      ({ kind, pid }) => ({ kind, lastAt: this.#lastAt.get(pid) }),
    )
  }
}

const isAudioFormat = (format: VideoFormat | AudioFormat): format is AudioFormat =>
  !isVideoCodec(format.codec)
