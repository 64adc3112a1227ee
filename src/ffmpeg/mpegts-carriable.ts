import type { SourceRecipe } from './source-arguments.ts'
import type { TargetFormat } from './target-format.ts'

const CARRIABLE: ReadonlySet<string> = new Set([
  ...['h264', 'hevc', 'mpeg2video'],
  ...['aac', 'aac_latm', 'mp1', 'mp2', 'mp3', 'ac3', 'eac3'],
])

/** True if the transport stream muxer carries the codec (FFmpeg's name). */
const isCarriable = (codec: string): boolean => CARRIABLE.has(codec)

/** True for text files, which FFmpeg decodes as pictures of a terminal. */
export const isDrawnText = (codec: string): boolean => /^(?:ansi|bintext|xbin|idf)$/.test(codec)

interface CodedTrack {
  readonly kind: 'video' | 'audio'
  readonly codec: string
}

/** Tracks that recipe `copy` cannot carry, as one sentence; undefined when it can carry all. */
export const carriageProblem = (tracks: readonly CodedTrack[]): string | undefined => {
  const codecs = [
    ...new Set(tracks.map(({ codec }) => codec).filter((codec) => !isCarriable(codec))),
  ]
  if (codecs.length === 0) return undefined
  const which = codecs.length === 1 ? `codec ${codecs[0]}` : `codecs ${codecs.join(', ')}`
  return `${which} can't be carried in MPEG-TS; use recipe transcode`
}

/** Recipe `auto`: copies what can be carried, encodes the rest. */
export const chooseRecipe = (
  tracks: readonly CodedTrack[],
  target: Required<TargetFormat>,
): SourceRecipe => {
  const isCopyable = (kind: CodedTrack['kind']): boolean =>
    tracks.every((track) => track.kind !== kind || isCarriable(track.codec))
  return {
    video: isCopyable('video') ? 'copy' : target.video,
    audio: isCopyable('audio') ? 'copy' : target.audio,
  }
}
