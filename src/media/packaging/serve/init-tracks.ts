import { trackOfInit } from '../../../mp4/read-init.ts'
import type { Mp4Track } from '../../../mp4/track.ts'
import type { Rendition } from '../store/rendition.ts'

type InitTrack = Mp4Track | 'being_read' | 'unreadable'

/** Limit for one rendition; the oldest are dropped. */
const MAX_TRACKS = 2_000

/** Tracks read from the initialisation segments of listed segments, those of an earlier run too. */
export class InitTracks {
  readonly #tracks = new Map<string, InitTrack>()

  /** Returns a track; the first call starts the reading. */
  trackOf(rendition: Rendition, init: string): InitTrack {
    const name = `${rendition.name}/${init}`
    const known = this.#tracks.get(name)
    if (known !== undefined) return known
    const oldest = this.#tracks.keys().next()
    if (this.#tracks.size >= MAX_TRACKS && oldest.done !== true) this.#tracks.delete(oldest.value)
    const bytes = rendition.bytesOf(init)
    const found = bytes instanceof Promise ? 'being_read' : trackIn(bytes)
    this.#tracks.set(name, found)
    if (bytes instanceof Promise) {
      bytes.then(
        (read) => this.#tracks.set(name, trackIn(read)),
        () => this.#tracks.set(name, 'unreadable'),
      )
    }
    return found
  }
}

const trackIn = (bytes: Uint8Array | undefined): InitTrack =>
  (bytes && trackOfInit(bytes)) ?? 'unreadable'
