/** Pairs of unrelated encoders whose pictures may follow each other on one track: material of the continuity tests. */
import type { EncodeSpec } from './stream-builder.ts'

export interface Family {
  readonly name: string
  readonly a: Partial<EncodeSpec>
  readonly b: Partial<EncodeSpec>
}

/** Longer than a buffer holds: so that each coded frame is unique in it. */
const SECONDS = 24

const small = {
  size: '160x90',
  videoBitrate: '60k',
  audioBitrate: '48k',
  seconds: SECONDS,
} as const
const other = { ...small, size: '176x144', seed: 3, tone: 880 } as const

export const FAMILIES: readonly Family[] = [
  {
    name: 'H.264, AAC 48 kHz',
    a: { ...small, gop: 25, bframes: 2 },
    b: { ...other, gop: 60, bframes: 3 },
  },
  {
    name: 'H.264 25 and 30 fps, MP2',
    a: { ...small, gop: 50, bframes: 3, audio: 'mp2', audioBitrate: '64k' },
    b: { ...other, rate: '30', gop: 45, bframes: 0, audio: 'mp2', audioBitrate: '96k' },
  },
  {
    name: 'HEVC open GOP, AAC 44.1 kHz',
    a: { ...small, codec: 'hevc', gop: 25, bframes: 3, openGop: true, sampleRate: 44_100 },
    b: { ...other, codec: 'hevc', gop: 40, bframes: 4, openGop: true, sampleRate: 44_100 },
  },
  {
    name: 'MPEG-2 open GOP, AC-3',
    a: {
      ...small,
      size: '160x96',
      codec: 'mpeg2video',
      gop: 12,
      bframes: 2,
      openGop: true,
      audio: 'ac3',
      audioBitrate: '96k',
    },
    b: {
      ...other,
      codec: 'mpeg2video',
      gop: 15,
      bframes: 2,
      openGop: true,
      audio: 'ac3',
      audioBitrate: '128k',
    },
  },
]
