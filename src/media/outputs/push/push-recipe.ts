import type { PushSpec } from '../../../contract/output-spec.ts'
import type { EncoderRung } from '../../../ffmpeg/ladder-arguments.ts'
import type { ProgramTracks } from '../interface/program-frames.ts'

/** Treatment of each track. `silence`: the program has no audio, and platforms expect a track. */
export interface PushPlan {
  readonly video: 'copy' | 'encode' | 'none'
  readonly audio: 'copy' | 'encode' | 'silence'
}

export type Planned =
  | { readonly ok: true; readonly plan: PushPlan }
  /** A sentence with the setting that helps. */
  | { readonly ok: false; readonly why: string }

/** RTMP carries H.264, and AAC or MP3, to every platform; anything else only to some or none. */
export const planPush = (tracks: ProgramTracks, { recipe }: PushSpec): Planned => {
  const { video, audio } = tracks
  if (video === undefined && audio === undefined) {
    return { ok: false, why: 'the program has neither video nor audio' }
  }
  const copies = { video: canCopyVideo(tracks), audio: canCopyAudio(tracks) }
  if (recipe === 'copy' && video !== undefined && video.codec !== 'h264') {
    return { ok: false, why: cannotCarry(`the program's video (${video.codec})`) }
  }
  if (recipe === 'copy' && audio !== undefined && !copies.audio) {
    return { ok: false, why: cannotCarry(`the program's audio (${audio.codec})`) }
  }
  const isCopied = (can: boolean): 'copy' | 'encode' =>
    recipe === 'copy' || (recipe === 'auto' && can) ? 'copy' : 'encode'
  return {
    ok: true,
    plan: {
      video: video === undefined ? 'none' : isCopied(copies.video),
      audio: audio === undefined ? 'silence' : isCopied(copies.audio),
    },
  }
}

const cannotCarry = (what: string): string =>
  `RTMP cannot carry ${what} to platforms: set push.recipe to "auto" or "encode"`

/** Platforms decode 8 bits in 4:2:0 only. */
const canCopyVideo = ({ video }: ProgramTracks): boolean =>
  video?.codec === 'h264' && video.depth === 8 && video.chroma === '4:2:0'

const canCopyAudio = ({ audio }: ProgramTracks): boolean =>
  audio?.codec === 'aac' || audio?.codec === 'mp3'

/** The only rung of the encoder, or undefined when nothing is encoded. */
export const rungOf = (
  plan: PushPlan,
  tracks: ProgramTracks,
  spec: PushSpec,
): EncoderRung | undefined => {
  if (plan.video !== 'encode' && plan.audio !== 'encode') return undefined
  const own = tracks.video?.height ?? 0
  return {
    video:
      plan.video === 'encode'
        ? {
            // x264 accepts only even heights in 4:2:0; MPEG-2 and 4:4:4 have others.
            height: Math.floor(Math.min(spec.height ?? own, own) / 2) * 2,
            bitrate: spec.videoBitrate,
            maxBitrate: spec.maxBitrate,
            bufferSize: spec.bufferSize,
            preset: spec.preset,
            keyFrames: { every: 'seconds', seconds: spec.keyFrameSeconds },
          }
        : 'none',
    audio: plan.audio === 'encode' ? { codec: 'aac', bitrate: spec.audioBitrate } : 'none',
  }
}
