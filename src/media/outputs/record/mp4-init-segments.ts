import { initSegment } from '../../../mp4/init-segment.ts'
import { audioTrackOf, videoTrackOf } from '../../../mp4/track-config.ts'
import type { Mp4Track } from '../../../mp4/track.ts'
import type { ProgramTracks } from '../interface/program-frames.ts'
import { audioTrackId, VIDEO_TRACK, type FrameGroup } from './mp4-fragment.ts'

/** Initialisation segment for the current frames. */
export class Mp4InitSegments {
  readonly #tracks: ProgramTracks
  readonly #audio = new Map<number, Mp4Track>()
  #newest: Uint8Array | undefined
  #audioTracks: ReadonlySet<number> = new Set()

  constructor(tracks: ProgramTracks) {
    this.#tracks = tracks
  }

  /** A track without a frame is missing in the segment; the next random access point after its first one adds it. */
  addGroup({ audioFrames }: FrameGroup): void {
    const { audio, languages } = this.#tracks
    if (audio === undefined) return
    for (const [track, frames] of audioFrames.entries()) {
      const first = frames[0]
      if (first === undefined) continue
      const language = languages[track] ?? ''
      const found = audioTrackOf(audioTrackId(track), audio, first.unit.data, language)
      if (found !== undefined) this.#audio.set(track, found)
    }
  }

  /** For a group that starts with a random access point. `new`: it does not fit the file before. */
  initSegmentFor(group: FrameGroup): {
    readonly bytes: Uint8Array | undefined
    readonly change: 'new' | 'same'
  } {
    const { video } = this.#tracks
    const firstVideoFrame = group.videoFrames[0]
    const shown =
      video === undefined || firstVideoFrame === undefined
        ? undefined
        : videoTrackOf(VIDEO_TRACK, video, firstVideoFrame.unit.data)
    // Unreadable parameter sets: the file keeps those it has.
    if (video !== undefined && shown === undefined) return { bytes: this.#newest, change: 'same' }
    const tracks = [...(shown === undefined ? [] : [shown]), ...this.#audioInOrder()]
    if (tracks.length === 0) return { bytes: undefined, change: 'same' }
    const head = initSegment(tracks)
    const before = this.#newest
    this.#newest = head
    this.#audioTracks = new Set(this.#audio.keys())
    return { bytes: head, change: before === undefined || same(before, head) ? 'same' : 'new' }
  }

  /** Tracks of the newest initialisation segment. */
  get audioTracks(): ReadonlySet<number> {
    return this.#audioTracks
  }

  #audioInOrder(): Mp4Track[] {
    return [...this.#audio.entries()].toSorted(([a], [b]) => a - b).map(([, track]) => track)
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])
