import type { Measured } from '../../contract/status.ts'
import type { DemuxSink } from '../../mpegts/demuxer.ts'

/** What drinks from a source: the source buffer, or a conforming transcoder before it. */
export interface SourceSink extends DemuxSink {
  /**
   * What follows is a new connection, process or round of a loop: times are not related to those before, however near
   * they look. Sent before the first unit of each run but the first.
   */
  restarted?(): void
  /** Undefined when there is room. A finite source waits for the promise before it pushes more; a live one never does. */
  room(): Promise<void> | undefined
}

export type ReaderEnd =
  | { readonly kind: 'aborted' }
  /** The stream ended without a fault: end of file, publisher gone, exit code 0. */
  | { readonly kind: 'ended'; readonly reason: string }
  /** `permanent`: trying again with the same specification cannot mend it. */
  | { readonly kind: 'failed'; readonly reason: string; readonly permanent: boolean }

export interface ReaderFigures {
  readonly bytes: number
  readonly packets: number
  /** Null: hidden from us, as behind an FFmpeg remuxer. */
  readonly continuityErrors: Measured
  readonly lostPackets: Measured
  /** Of the process that reads, where there is one. */
  readonly pid?: number
  /** Socket receive buffer that the kernel granted, bytes. */
  readonly kernelBuffer?: number
  readonly duplicates?: number
  readonly reordered?: number
}

/**
 * What it means when no byte comes: a hung reader, to be restarted (`fault`); the same, but only after the first media,
 * because a publisher may come at any time (`fault_after_media`); nothing that a restart would mend (`normal`).
 */
export type SilencePolicy = 'fault' | 'fault_after_media' | 'normal'

export interface SourceReader {
  readonly kind: string
  /** False: finite or generated, paced by `room()`. */
  readonly live: boolean
  readonly silencePolicy: SilencePolicy
  /** Knows nothing of retries. Resolves after an abort only when all that it started has ended; never rejects. */
  run(feed: SourceSink, signal: AbortSignal): Promise<ReaderEnd>
  figures(): ReaderFigures
}

/** The sentence of whatever was thrown. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
