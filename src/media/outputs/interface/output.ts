import type { IncomingMessage, ServerResponse } from 'node:http'
import type { VideoFormat } from '../../../contract/format.ts'
import type { OutputId } from '../../../contract/ids.ts'
import type { MediaPath } from '../../../contract/paths.ts'
import type { OutputStatus, RecordingStatus } from '../../../contract/status.ts'
import type { Millis, Ticks90k } from '../../../contract/time.ts'
import type { ProgramFrames } from './program-frames.ts'

/** Consumer of the program. */
export interface Output {
  readonly id: OutputId
  readonly kind: string
  /** Resolves after an abort, when all that it started has ended. Faults are shown in the status, never thrown. */
  run(signal: AbortSignal): Promise<void>
  status(): OutputStatus
  /** True when the path belongs to this output and the request is being answered. */
  serve?(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean
  /** False: no such viewer. */
  disconnect?(path: string, id: number): boolean
  /** Its recordings, newest first. */
  recordings?(): readonly RecordingStatus[]
  /** False: no such recording, or it is being written. */
  deleteRecording?(name: string): Promise<boolean>
  /** Largest interval of random access points that fits its segments: sources with a longer one are conformed. */
  readonly maxGopTicks?: number
  /** Reason to refuse a take after which the program would have this video; undefined when the output can follow. */
  formatRefusal?(video: VideoFormat): string | undefined
}

/** A part of the program with its time. */
export interface TimedBytes {
  readonly bytes: Uint8Array
  /** Program time of its first unit. */
  readonly time: Ticks90k
  /** The reader lost the bytes before this. */
  readonly skipped: boolean
  /** Offset of the PAT before a random access point in these bytes, or −1. */
  readonly randomAccess: number
}

/** One reader's place in the program's bytes, always at a packet boundary. */
export interface ProgramReader {
  /** At most `max` contiguous bytes (whole packets); undefined when it has caught up. The bytes never change. */
  read(max: number): Uint8Array | undefined
  /** The next part with its time: for outputs paced by the program clock. */
  next(): TimedBytes | undefined
  /** Distance from the live edge. */
  readonly lag: Millis
  readonly skips: number
  /** No more bytes will come. */
  readonly ended: boolean
}

export interface JoinOptions {
  /** Age of the random access point to start with, or wait for the next one. */
  readonly joinAge: Millis | 'next'
  /** A reader with a longer lag skips to the newest random access point. */
  readonly lagLimit: Millis
}

/** The program's muxed bytes. */
export interface Program {
  join(options: JoinOptions): ProgramReader
  /** Called after each append, and when the program ends. */
  subscribe(onAppend: () => void): () => void
}

/** The program, muxed and frame by frame. */
export interface OutputProgram {
  readonly ring: Program
  readonly frames: ProgramFrames
}
