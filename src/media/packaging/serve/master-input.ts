import type { Mp4AudioTrack } from '../../../mp4/track.ts'
import { codecString } from '../../../mp4/codec-string.ts'
import type { MasterAudio, MasterInput, MasterVariant } from './master-playlist.ts'
import type { PackagingPlan } from '../segment/packaging-plan.ts'
import type { PackagingSession } from '../segment/packaging-session.ts'
import type { Segment } from '../store/segment-model.ts'
import type { Stream } from '../segment/stream.ts'

/** GROUP-ID of the audio renditions in fragmented MP4. */
const AUDIO_GROUP = 'audio'
/** Object type 0x61, Main: ISO/IEC 14496-1 table 5, RFC 6381 3.3. */
const MPEG2_VIDEO = 'mp4v.61'
/** Overhead of a transport stream, until it is measured. */
const OVERHEAD = 1.1
const UNMEASURED_BITRATE = 3_000_000
/** NAME of an audio rendition without a language. */
const UNNAMED = 'Audio'

/** Returns undefined where the program as it is is the only playlist. */
export function masterInput(session: PackagingSession): MasterInput | undefined {
  const { plan, main, ladder } = session
  if (isSingle(plan)) return undefined
  const audio = masterAudioOf(main)
  const variants = [main, ...ladder.streams].flatMap((stream, index) => {
    const declared = index === 0 ? UNMEASURED_BITRATE : declaredBitrate(session, index - 1)
    return variantOf(stream, { declared, audioTrack: main.audioTrack, grouped: audio.length > 0 })
  })
  const all = [...variants, ...audioOnlyOf(session, audio)]
  return {
    targetSeconds: plan.targetSeconds,
    independent: all.every(({ segments }) => allIndependent(segments)),
    variants: all,
    audio,
  }
}

const isSingle = ({ container, rungs, audioOnly }: PackagingPlan): boolean =>
  container === 'ts' && rungs.length === 0 && audioOnly === 'without'

/** True if the codecs of all variants are known. */
export function isComplete({ plan, main, ladder }: PackagingSession): boolean {
  // A media playlist carries no codecs.
  if (isSingle(plan)) return true
  return [main, ...ladder.streams].every((stream) => {
    const { video, audio } = stream.tracks
    const audioTrack = stream.audioTrack ?? main.audioTrack
    const isVideoKnown = video === undefined || videoCodec(stream) !== undefined
    return isVideoKnown && (audio === undefined || audioTrack !== undefined)
  })
}

const allIndependent = (segments: readonly Segment[]): boolean =>
  segments.every(({ state, independent }) => state !== 'done' || independent)

/** Returns none before its codecs are known. */
function variantOf(
  stream: Stream,
  about: {
    readonly declared: number
    readonly audioTrack: Mp4AudioTrack | undefined
    readonly grouped: boolean
  },
): MasterVariant[] {
  const { video, audio } = stream.tracks
  const format = stream.videoConfig?.format
  const audioTrack = about.grouped ? about.audioTrack : stream.audioTrack
  const codec = videoCodec(stream)
  const hasAudio = about.grouped || audio !== undefined
  if ((video !== undefined && codec === undefined) || (hasAudio && audioTrack === undefined))
    return []
  const rate = format?.frameRate ?? video?.frameRate
  return [
    {
      uri: `${stream.name}/playlist.m3u8`,
      segments: stream.rendition.segments,
      declaredBitrate: about.declared,
      codecs: [
        ...(codec === undefined ? [] : [codec]),
        ...(audioTrack === undefined ? [] : [codecString(audioTrack)]),
      ],
      ...(format === undefined
        ? {}
        : { resolution: { width: format.width, height: format.height } }),
      ...(video === undefined || rate === undefined ? {} : { frameRate: rate.num / rate.den }),
      ...(about.grouped ? { audioGroup: AUDIO_GROUP } : {}),
    },
  ]
}

function videoCodec({ videoConfig }: Stream): string | undefined {
  if (videoConfig?.format?.codec === 'mpeg2video') return MPEG2_VIDEO
  return videoConfig?.track && codecString(videoConfig.track)
}

function masterAudioOf({ audioRenditions, tracks, audioTrack, name }: Stream): MasterAudio[] {
  if (tracks.video === undefined && audioRenditions.length < 2) return []
  return audioRenditions.map(({ rendition, language }, index) => ({
    group: AUDIO_GROUP,
    name: nameOf(language, index),
    language,
    channels: audioTrack?.channels ?? tracks.audio?.channels ?? 2,
    isDefault: index === 0,
    // Audio that is the stream itself is not fetched twice.
    ...(rendition.name === name ? {} : { uri: `${rendition.name}/playlist.m3u8` }),
    segments: rendition.segments,
  }))
}

const nameOf = (language: string, index: number): string => {
  const name = language === '' ? UNNAMED : language
  return index === 0 ? name : `${name} ${index + 1}`
}

function audioOnlyOf(session: PackagingSession, audio: readonly MasterAudio[]): MasterVariant[] {
  const { plan, audioOnly, main } = session
  if (audioOnly !== undefined) {
    return variantOf(audioOnly, { declared: 128_000, audioTrack: undefined, grouped: false })
  }
  const first = audio[0]
  if (plan.audioOnly === 'without' || first?.uri === undefined || main.audioTrack === undefined)
    return []
  return [
    {
      uri: first.uri,
      segments: first.segments,
      declaredBitrate: 128_000,
      codecs: [codecString(main.audioTrack)],
      audioGroup: AUDIO_GROUP,
    },
  ]
}

function declaredBitrate({ plan }: PackagingSession, index: number): number {
  const { video, audio } = plan.rungs[index]!
  const sum = (video === 'none' ? 0 : video.maxBitrate) + (audio === 'none' ? 0 : audio.bitrate)
  return Math.round(sum * OVERHEAD)
}
