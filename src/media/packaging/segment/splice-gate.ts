import { frameTicks, type AudioFormat } from '../../../contract/format.ts'
import type { ProgramCut } from '../../outputs/interface/program-frames.ts'
import { soundKey } from './decoder-config.ts'
import type { Picture, Sound } from './segment-writer.ts'

export interface SpliceTarget {
  picture(picture: Picture): void
  sound(track: number, sound: Sound): void
  /** Before the first picture behind it. `sound`: does its decoder have to be set up anew? */
  splice(cut: ProgramCut, sound: 'same' | 'changed'): void
  /** The next picture does not continue what was before. */
  hole(): void
}

type Held =
  | { readonly kind: 'picture'; readonly picture: Picture }
  | { readonly kind: 'sound'; readonly track: number; readonly sound: Sound }
  | { readonly kind: 'cut'; readonly cut: ProgramCut }
  | { readonly kind: 'hole' }

/** The sound of a splice comes a reorder depth after its first picture, or starves for a while; it isn't waited for longer. */
const PATIENCE_TICKS = 45_000

/**
 * Holds what comes behind a cut back until the sound behind it is there too: whether a segment has to begin at the first
 * picture depends on both. The wait is the pictures' reorder depth; segments stay open for as long at any boundary.
 */
export class SpliceGate {
  readonly #target: SpliceTarget
  readonly #audio: AudioFormat | undefined
  readonly #keys: (number | undefined)[]
  #held: Held[] = []
  /** The cut that is waited at, and the tracks whose sound behind it has not come. */
  #waits: { readonly at: number; readonly tracks: Set<number> } | undefined
  #changed: 'same' | 'changed' = 'same'

  constructor(
    target: SpliceTarget,
    tracks: { readonly audio: AudioFormat | undefined; readonly count: number },
  ) {
    this.#target = target
    this.#audio = tracks.audio
    this.#keys = Array.from({ length: tracks.count }, () => undefined)
  }

  cut(cut: ProgramCut): void {
    this.#held.push({ kind: 'cut', cut })
    if (this.#waits !== undefined) return
    this.#changed = 'same'
    this.#waits = { at: cut.at, tracks: new Set(this.#keys.keys()) }
    if (this.#keys.length === 0) this.#release()
  }

  hole(): void {
    if (this.#waits === undefined) this.#target.hole()
    else this.#held.push({ kind: 'hole' })
  }

  picture(picture: Picture): void {
    if (this.#waits === undefined) return this.#target.picture(picture)
    this.#held.push({ kind: 'picture', picture })
    if (picture.dts > this.#waits.at + PATIENCE_TICKS) this.#release()
  }

  sound(track: number, sound: Sound): void {
    const audio = this.#audio
    if (audio === undefined) return
    if (this.#keys.length === 0) return this.#target.sound(track, sound)
    const waits = this.#waits
    if (waits === undefined) {
      this.#keys[track] = soundKey(audio.codec, sound.unit.data)
      return this.#target.sound(track, sound)
    }
    this.#held.push({ kind: 'sound', track, sound })
    if (sound.pts < waits.at - frameTicks(audio) / 2) return
    if (waits.tracks.delete(track)) {
      const key = soundKey(audio.codec, sound.unit.data)
      const known = this.#keys[track]
      if (known !== undefined && known !== key) this.#changed = 'changed'
    }
    if (waits.tracks.size === 0 || sound.pts > waits.at + PATIENCE_TICKS) this.#release()
  }

  #release(): void {
    const held = this.#held
    this.#held = []
    this.#waits = undefined
    const first = held.shift()
    if (first?.kind === 'cut') this.#target.splice(first.cut, this.#changed)
    for (const each of held) {
      if (each.kind === 'cut') this.cut(each.cut)
      else if (each.kind === 'hole') this.hole()
      else if (each.kind === 'picture') this.picture(each.picture)
      else this.sound(each.track, each.sound)
    }
  }
}
