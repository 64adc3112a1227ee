import type { SourceSpec, TrackChoice } from '../../contract/spec.ts'
import type { Pid } from '../../mpegts/access-unit.ts'
import type { ElementaryProgram, ElementaryTrack } from '../../mpegts/demuxer.ts'

/** Tracks of a source that play the program's tracks. */
export interface ChosenTracks {
  readonly video: Pid | undefined
  /** One entry per audio track of the program; undefined: silence. */
  readonly audio: readonly (Pid | undefined)[]
}

export const NO_TRACKS: ChosenTracks = { video: undefined, audio: [] }

/** `languages`: of the program's audio tracks; undefined while its format is not fixed: all that the source has. */
export function chooseTracks(
  program: ElementaryProgram,
  spec: Pick<SourceSpec, 'video' | 'audio'>,
  languages: readonly string[] | undefined,
): ChosenTracks {
  const readable = program.tracks.filter(
    (track) => track.codec !== undefined && track.scrambled !== true,
  )
  const video = readable.filter((track) => track.kind === 'video')
  const audio = pick(
    readable.filter((track) => track.kind === 'audio'),
    spec.audio,
  )
  return {
    video: (typeof spec.video === 'number'
      ? video[spec.video]
      : spec.video === 'none'
        ? undefined
        : video[0]
    )?.pid,
    audio:
      languages === undefined ? audio.map((track) => track.pid) : matchLanguages(audio, languages),
  }
}

function pick(tracks: readonly ElementaryTrack[], choice: TrackChoice): readonly ElementaryTrack[] {
  if (choice === 'none') return []
  if (choice === 'auto') return tracks
  if (typeof choice === 'number') return tracks.slice(choice, choice + 1)
  return tracks.filter((track) => track.language === choice)
}

/** By language where both are known, else by order; the program's first track is never left empty for lack of a match. */
function matchLanguages(
  tracks: readonly ElementaryTrack[],
  languages: readonly string[],
): (Pid | undefined)[] {
  const left = new Set(tracks)
  const takeOut = (track: ElementaryTrack | undefined): Pid | undefined => {
    if (track !== undefined) left.delete(track)
    return track?.pid
  }
  const byLanguage = languages.map((language) =>
    takeOut(language === '' ? undefined : [...left].find((track) => track.language === language)),
  )
  return byLanguage.map((pid, index) => {
    if (pid !== undefined) return pid
    const next = [...left][0]
    const foreign = next?.language !== undefined && languages[index] !== '' && index > 0
    return foreign ? undefined : takeOut(next)
  })
}
