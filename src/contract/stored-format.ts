import { z } from 'zod'
import { AudioFormat, VideoFormat } from './format.ts'

const count = z.number().int().positive()
/** Width or height of a picture: H.264 and HEVC allow less. */
const MAX_PIXELS = 16_384
const side = count.max(MAX_PIXELS)
const rational = z.object({ num: count, den: count })

const StoredVideo = z.object({
  format: VideoFormat.unwrap().extend({
    depth: count.max(16),
    width: side,
    height: side,
    frameRate: rational.exactOptional(),
  }),
  gopSeconds: z.number().positive(),
  preset: z.string(),
  bitrate: z.number().positive().exactOptional(),
})

const StoredAudio = z.object({
  format: AudioFormat.unwrap().extend({
    sampleRate: count,
    channels: count,
    frameSamples: count,
  }),
  bitrate: z.number().positive().exactOptional(),
})

/** A channel's format as kept for its next run. At least one of video and audio. */
export const StoredFormat = z
  .object({
    video: StoredVideo.optional(),
    audio: StoredAudio.optional(),
    languages: z.array(z.string()).max(64),
  })
  .refine(({ video, audio }) => video !== undefined || audio !== undefined)

/** Raised when older and newer versions must not read each other's files. */
export const STORED_FORMAT_VERSION = 1
