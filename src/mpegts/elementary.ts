/** Tracks and PCR PID of a program, read from its PMT. */
import { isVideoCodec, type Codec } from '../contract/format.ts'
import type { Pid } from './access-unit.ts'
import { languageOf, type PmtStream } from './psi.ts'
import { codecOf, isAnnouncedScrambled } from './stream-types.ts'

export interface ElementaryTrack {
  readonly pid: Pid
  readonly kind: 'video' | 'audio' | 'data'
  /** Absent when it is not supported: such a track yields no units. */
  readonly codec?: Codec
  readonly streamType: number
  readonly language?: string
  readonly scrambled?: boolean
  /** The descriptor loop of the PMT as it stands (subtitles, SCTE-35 …). */
  readonly descriptors: Uint8Array
}

export interface ElementaryProgram {
  readonly number: number
  readonly pmtPid: Pid
  readonly pcrPid: Pid
  readonly version: number
  readonly tracks: readonly ElementaryTrack[]
  readonly serviceName?: string
}

export const trackOf = (stream: PmtStream, scrambled: ReadonlySet<Pid>): ElementaryTrack => {
  const { pid, streamType, descriptors } = stream
  const codec = codecOf(streamType, descriptors)
  const language = languageOf(descriptors)
  return {
    pid,
    kind: codec === undefined ? 'data' : isVideoCodec(codec) ? 'video' : 'audio',
    streamType,
    descriptors,
    ...(codec === undefined ? {} : { codec }),
    ...(language === undefined ? {} : { language }),
    ...(scrambled.has(pid) || isAnnouncedScrambled(descriptors) ? { scrambled: true } : {}),
  }
}
