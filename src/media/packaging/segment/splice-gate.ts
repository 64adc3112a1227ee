import { frameTicks, type AudioFormat } from '../../../contract/format.ts'
import type { ProgramCut } from '../../outputs/interface/program-frames.ts'
import { audioConfigKey } from './decoder-config.ts'
import type { VideoFrame, AudioFrame } from './segment-writer.ts'

export interface SpliceTarget {
  video(picture: VideoFrame): void
  audio(track: number, frame: AudioFrame): void
  /** Called before the first picture behind the splice. `audio`: 'changed' if its decoder must be set up again. */
  splice(cut: ProgramCut, audio: 'same' | 'changed'): void
  /** The next picture does not continue the one before. */
  hole(): void
}

type HeldCall =
  | { readonly kind: 'picture'; readonly picture: VideoFrame }
  | { readonly kind: 'audio'; readonly track: number; readonly frame: AudioFrame }
  | { readonly kind: 'cut'; readonly cut: ProgramCut }
  | { readonly kind: 'hole' }

/** Longest wait for the audio of a splice: it comes a reorder depth after the first picture, or starves for a while. */
const MAX_WAIT_TICKS = 45_000

/**
 * Holds what follows a cut until the audio behind it has come: whether a segment must start at the first picture depends
 * on both. The wait is the video's reorder depth; segments stay open for as long at any boundary.
 */
export class SpliceGate {
  readonly #target: SpliceTarget
  readonly #audio: AudioFormat | undefined
  readonly #audioKeys: (number | undefined)[]
  #held: HeldCall[] = []
  /** The cut that is waited for, and the tracks whose audio behind it has not come. */
  #pendingCut: { readonly at: number; readonly tracks: Set<number> } | undefined
  #audioChange: 'same' | 'changed' = 'same'

  constructor(
    target: SpliceTarget,
    tracks: { readonly audio: AudioFormat | undefined; readonly count: number },
  ) {
    this.#target = target
    this.#audio = tracks.audio
    this.#audioKeys = Array.from({ length: tracks.count }, () => undefined)
  }

  cut(cut: ProgramCut): void {
    this.#held.push({ kind: 'cut', cut })
    if (this.#pendingCut !== undefined) return
    this.#audioChange = 'same'
    this.#pendingCut = { at: cut.at, tracks: new Set(this.#audioKeys.keys()) }
    if (this.#audioKeys.length === 0) this.#release()
  }

  hole(): void {
    if (this.#pendingCut === undefined) this.#target.hole()
    else this.#held.push({ kind: 'hole' })
  }

  video(picture: VideoFrame): void {
    if (this.#pendingCut === undefined) return this.#target.video(picture)
    this.#held.push({ kind: 'picture', picture })
    if (picture.dts > this.#pendingCut.at + MAX_WAIT_TICKS) this.#release()
  }

  audio(track: number, frame: AudioFrame): void {
    const audio = this.#audio
    if (audio === undefined) return
    if (this.#audioKeys.length === 0) return this.#target.audio(track, frame)
    const pendingCut = this.#pendingCut
    if (pendingCut === undefined) {
      this.#audioKeys[track] = audioConfigKey(audio.codec, frame.unit.data)
      return this.#target.audio(track, frame)
    }
    this.#held.push({ kind: 'audio', track, frame })
    if (frame.pts < pendingCut.at - frameTicks(audio) / 2) return
    if (pendingCut.tracks.delete(track)) {
      const key = audioConfigKey(audio.codec, frame.unit.data)
      const known = this.#audioKeys[track]
      if (known !== undefined && known !== key) this.#audioChange = 'changed'
    }
    if (pendingCut.tracks.size === 0 || frame.pts > pendingCut.at + MAX_WAIT_TICKS) this.#release()
  }

  #release(): void {
    const held = this.#held
    this.#held = []
    this.#pendingCut = undefined
    const first = held.shift()
    if (first?.kind === 'cut') this.#target.splice(first.cut, this.#audioChange)
    for (const each of held) {
      if (each.kind === 'cut') this.cut(each.cut)
      else if (each.kind === 'hole') this.hole()
      else if (each.kind === 'picture') this.video(each.picture)
      else this.audio(each.track, each.frame)
    }
  }
}
