import type { IncomingMessage, ServerResponse } from 'node:http'
import type { VideoFormat } from '../../../contract/format.ts'
import type { OutputId } from '../../../contract/ids.ts'
import type { MediaPath } from '../../../contract/paths.ts'
import type { OutputStatus, RecordingStatus } from '../../../contract/status.ts'
import type { Millis, Ticks90k } from '../../../contract/time.ts'
import type { ProgramFrames } from './program-frames.ts'

/** Anything that drinks from the program. */
export interface Output {
  readonly id: OutputId
  readonly kind: string
  /** Resolves after an abort, and only when all that it started has ended. Trouble is shown in the status, never thrown. */
  run(signal: AbortSignal): Promise<void>
  status(): OutputStatus
  /** True when the path is this output's own, and the request is being answered. */
  serve?(request: IncomingMessage, response: ServerResponse, path: MediaPath): boolean
  /** False: it has no such viewer. */
  disconnect?(path: string, id: number): boolean
  /** What it recorded, newest first. */
  recordings?(): readonly RecordingStatus[]
  /** False: there is no such recording, or it is being written. */
  deleteRecording?(name: string): Promise<boolean>
  /** Random access points further apart than this do not fit its segments: sources with such pictures are conformed. */
  readonly maxGopTicks?: number
  /** Why it could not follow if the program's pictures became these: the take is refused with this sentence. */
  formatRefusal?(video: VideoFormat): string | undefined
}

/** A part of the program with its time. */
export interface TimedBytes {
  readonly bytes: Uint8Array
  /** Program time of its first unit. */
  readonly time: Ticks90k
  /** The reader did not get what is before this. */
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
  /** How far it is behind. */
  readonly lag: Millis
  readonly skips: number
  /** Nothing more will come. */
  readonly ended: boolean
}

export interface JoinOptions {
  /** Age of the random access point to begin with, or wait for the next one. */
  readonly joinAge: Millis | 'next'
  /** A reader further behind than this skips to the newest random access point. */
  readonly lagLimit: Millis
}

/** The program as an output sees it. */
export interface Program {
  join(options: JoinOptions): ProgramReader
  /** Called after each append, and when the program ends. */
  subscribe(onAppend: () => void): () => void
}

/** Both faces of the program: muxed once, and frame by frame. */
export interface OutputProgram {
  readonly ring: Program
  readonly frames: ProgramFrames
}
