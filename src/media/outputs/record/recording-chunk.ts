import type { SourceId } from '../../../contract/ids.ts'
import type { Millis, Ticks90k } from '../../../contract/time.ts'

/** Whose picture it is. */
export interface SourceLabel {
  readonly source: SourceId
  readonly label: string
}

/** A place where a file may begin: a random access point. */
export interface SplitPoint {
  /** `must`: a take, or a change that the file before cannot carry. */
  readonly begins: 'may' | 'must'
  /** Whether what was before it was taken too. */
  readonly follows: 'directly' | 'after_a_hole'
  /** Presentation time. */
  readonly at: Ticks90k
  readonly onAir: SourceLabel
  /** What stands in front of the first piece of a file. */
  readonly initSegment?: Uint8Array
}

/** What a file's times count from, and the number of the piece in it. */
export interface PlaceInFile {
  readonly origin: Ticks90k
  readonly sequence: number
}

/** A part of the program as it is recorded: whole units, so that a file may end behind each. */
export interface RecordingChunk {
  /** Program clock. */
  readonly time: Ticks90k
  readonly splitPoint: SplitPoint | undefined
  /** What a file that begins here counts its times from. */
  readonly origin: Ticks90k
  readonly bytesFor: (place: PlaceInFile) => Uint8Array | Promise<Uint8Array>
}

/** The program in pieces. Nothing waits here: what is not taken in time is dropped up to the next random access point. */
export interface RecordingInput {
  next(): RecordingChunk | undefined
  readonly lag: Millis
  readonly skips: number
  /** The program is over, and all of it was taken. */
  readonly ended: boolean
  /** No more of the program is wanted: what was begun is completed, and can be taken. */
  finish(): void
}
