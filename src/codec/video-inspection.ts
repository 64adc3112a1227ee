import type { VideoFormat } from '../contract/format.ts'
import type { RapKindName } from './rap-kind.ts'

/** Facts of one video access unit. An inspector reuses one object: read it before the next call. */
export interface VideoInspection {
  readonly rap: RapKindName
  /** Not decodable from the random access point before it (HEVC RASL, B pictures of an MPEG-2 open GOP). */
  readonly leading: boolean
  /** Precedes the random access point in presentation but can be decoded (HEVC RADL, B pictures of an MPEG-2 closed GOP). */
  readonly decodableLeading: boolean
  /** Of the newest random access point; before the first, of the newest parameter sets. Same object while unchanged. */
  readonly format: VideoFormat | undefined
  /** Maximum pictures that precede one in decoding and follow it in presentation; undefined as `format` is. */
  readonly reorderFrames: number | undefined
  /** The unit, or a copy with the stored parameter sets inserted when it is a random access point without them. */
  readonly data: Uint8Array
}

/** Keeps the parameter sets of one track; never throws; memory is bounded. */
export interface VideoInspector {
  /** Inspects one whole access unit in byte stream format; reads its headers only, never its slices. */
  inspect(unit: Uint8Array): VideoInspection
  /** True if an access unit begins at the first byte of this PES payload; false if it continues an earlier one. */
  startsAccessUnit(payload: Uint8Array): boolean
  /**
   * Ascending offsets at which access units begin; [] when none does. Bytes before the first belong to a
   * unit begun earlier; headers after the last slice stay with it. Both fields of a frame are one unit.
   * Reads every byte: call it only when a payload may hold several pictures.
   */
  splitAccessUnits(payload: Uint8Array): readonly number[]
  /** Forgets the parameter sets, as at a new stream. */
  reset(): void
}

/** Writable form, for inspectors. */
export interface MutableInspection {
  rap: RapKindName
  leading: boolean
  decodableLeading: boolean
  format: VideoFormat | undefined
  reorderFrames: number | undefined
  data: Uint8Array
}

export const emptyInspection = (): MutableInspection => ({
  rap: 'none',
  leading: false,
  decodableLeading: false,
  format: undefined,
  reorderFrames: undefined,
  data: new Uint8Array(0),
})

/** `current` when its fields are equal, otherwise `found`: consumers compare formats by identity. */
export function reuseVideoFormat(
  current: VideoFormat | undefined,
  found: VideoFormat,
): VideoFormat {
  if (current === undefined) return found
  const same =
    current.codec === found.codec &&
    current.profile === found.profile &&
    current.chroma === found.chroma &&
    current.depth === found.depth &&
    current.width === found.width &&
    current.height === found.height &&
    current.frameRate?.num === found.frameRate?.num &&
    current.frameRate?.den === found.frameRate?.den &&
    current.scan === found.scan &&
    current.level === found.level
  return same ? current : found
}
