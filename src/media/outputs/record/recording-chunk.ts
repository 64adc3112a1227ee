import type { SourceId } from '../../../contract/ids.ts'
import type { Millis, Ticks90k } from '../../../contract/time.ts'

/** The source of a picture. */
export interface SourceLabel {
  readonly source: SourceId
  readonly label: string
}

/** A place where a file may start: a random access point. */
export interface SplitPoint {
  /** `must`: a take, or a change that the file before cannot carry. */
  readonly begins: 'may' | 'must'
  /** `directly`: nothing before it is missing. */
  readonly follows: 'directly' | 'after_a_hole'
  /** Presentation time. */
  readonly at: Ticks90k
  readonly onAir: SourceLabel
  /** First bytes of a file. */
  readonly initSegment?: Uint8Array
}

/** Origin of a file's times, and number of the chunk in it. */
export interface PlaceInFile {
  readonly origin: Ticks90k
  readonly sequence: number
}

/** A recorded part of the program: whole units, so that a file may end after each. */
export interface RecordingChunk {
  /** Program clock. */
  readonly time: Ticks90k
  readonly splitPoint: SplitPoint | undefined
  /** Origin of the times of a file that starts here. */
  readonly origin: Ticks90k
  readonly bytesFor: (place: PlaceInFile) => Uint8Array | Promise<Uint8Array>
}

/** The program in chunks. Nothing waits: what is not taken in time is dropped up to the next random access point. */
export interface RecordingInput {
  next(): RecordingChunk | undefined
  readonly lag: Millis
  readonly skips: number
  /** The program has ended, and all of it was taken. */
  readonly ended: boolean
  /** Ends the input: the open chunk is completed, and can be taken. */
  finish(): void
}
