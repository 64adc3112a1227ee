import { frameTicks, type AudioFormat } from '../../../contract/format.ts'
import type { ProgramCut } from '../../outputs/interface/program-frames.ts'
import { audioConfigKey } from './decoder-config.ts'
import type { VideoFrame, AudioFrame } from './segment-writer.ts'

export interface SpliceTarget {
  video(picture: VideoFrame): void
  audio(track: number, sound: AudioFrame): void
  /** Before the first picture behind it. `sound`: does its decoder have to be set up anew? */
  splice(cut: ProgramCut, sound: 'same' | 'changed'): void
  /** The next picture does not continue what was before. */
  hole(): void
}

type HeldCall =
  | { readonly kind: 'picture'; readonly picture: VideoFrame }
  | { readonly kind: 'sound'; readonly track: number; readonly sound: AudioFrame }
  | { readonly kind: 'cut'; readonly cut: ProgramCut }
  | { readonly kind: 'hole' }

/** The sound of a splice comes a reorder depth after its first picture, or starves for a while; it isn't waited for longer. */
const MAX_WAIT_TICKS = 45_000

/**
 * Holds what comes behind a cut back until the sound behind it is there too: whether a segment has to begin at the first
 * picture depends on both. The wait is the pictures' reorder depth; segments stay open for as long at any boundary.
 */
export class SpliceGate {
  readonly #target: SpliceTarget
  readonly #audio: AudioFormat | undefined
  readonly #audioKeys: (number | undefined)[]
  #held: HeldCall[] = []
  /** The cut that is waited at, and the tracks whose sound behind it has not come. */
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

  audio(track: number, sound: AudioFrame): void {
    const audio = this.#audio
    if (audio === undefined) return
    if (this.#audioKeys.length === 0) return this.#target.audio(track, sound)
    const pendingCut = this.#pendingCut
    if (pendingCut === undefined) {
      this.#audioKeys[track] = audioConfigKey(audio.codec, sound.unit.data)
      return this.#target.audio(track, sound)
    }
    this.#held.push({ kind: 'sound', track, sound })
    if (sound.pts < pendingCut.at - frameTicks(audio) / 2) return
    if (pendingCut.tracks.delete(track)) {
      const key = audioConfigKey(audio.codec, sound.unit.data)
      const known = this.#audioKeys[track]
      if (known !== undefined && known !== key) this.#audioChange = 'changed'
    }
    if (pendingCut.tracks.size === 0 || sound.pts > pendingCut.at + MAX_WAIT_TICKS) this.#release()
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
      else this.audio(each.track, each.sound)
    }
  }
}
