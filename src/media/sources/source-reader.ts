import type { Measured } from '../../contract/status.ts'
import type { DemuxSink } from '../../mpegts/demuxer.ts'

/** Consumer of a source's units: the source buffer, or a conforming transcoder before it. */
export interface SourceSink extends DemuxSink {
  /**
   * The next unit comes from a new connection, process or loop: its times are unrelated to those before, however close.
   * Called before the first unit of each run except the first.
   */
  restarted?(): void
  /** Returns undefined when there is room. A finite source waits for the promise before it pushes more; a live one never does. */
  room(): Promise<void> | undefined
}

export type ReaderEnd =
  | { readonly kind: 'aborted' }
  /** The stream ended without a fault: end of file, publisher gone, exit code 0. */
  | { readonly kind: 'ended'; readonly reason: string }
  /** `permanent`: a retry with the same spec can't succeed. */
  | { readonly kind: 'failed'; readonly reason: string; readonly permanent: boolean }

export interface ReaderFigures {
  readonly bytes: number
  readonly packets: number
  /** Null: not measurable, as behind an FFmpeg remuxer. */
  readonly continuityErrors: Measured
  readonly lostPackets: Measured
  /** PID of the reading process, if there is one. */
  readonly pid?: number
  /** Socket receive buffer that the kernel granted, bytes. */
  readonly kernelBuffer?: number
  readonly duplicates?: number
  readonly reordered?: number
}

/**
 * Meaning of silence: a hung reader, to be restarted (`fault`); the same, but only after the first media, because a
 * publisher may come at any time (`fault_after_media`); nothing that a restart would change (`normal`).
 */
export type SilencePolicy = 'fault' | 'fault_after_media' | 'normal'

export interface SourceReader {
  readonly kind: string
  /** False: finite or generated, paced by `room()`. */
  readonly live: boolean
  readonly silencePolicy: SilencePolicy
  /** Does not retry. Resolves after an abort only when all that it started has ended; never rejects. */
  run(sink: SourceSink, signal: AbortSignal): Promise<ReaderEnd>
  figures(): ReaderFigures
}

/** Message of a thrown value. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
